"""What the marts show: the page, and the figures that the daily job ends with."""
