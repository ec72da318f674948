"""The schema of the database, one migration after the other."""
