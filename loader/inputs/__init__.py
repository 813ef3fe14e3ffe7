"""Where deliveries come from, and their content made readable."""
