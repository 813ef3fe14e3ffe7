"""What a text is, and its records."""
