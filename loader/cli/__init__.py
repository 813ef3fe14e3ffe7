"""The command `cdr`: thin commands over the package's functions."""
