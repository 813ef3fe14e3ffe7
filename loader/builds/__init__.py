"""Builds: dbt on this project, what is due, and what a build keeps in the database."""
