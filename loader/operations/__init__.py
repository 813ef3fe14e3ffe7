"""What is done with a database besides staging into it."""
