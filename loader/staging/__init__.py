"""Moves deliveries into the database, each whole or not at all."""
