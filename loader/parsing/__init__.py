"""Parsing: the layout of a text, its lines and records."""
