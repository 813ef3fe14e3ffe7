"""Builds: dbt on this project, what is due, and what builds keep in the database."""
