"""One self-contained page of the marts."""
