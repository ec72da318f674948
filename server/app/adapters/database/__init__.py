"""Storage in a relational database."""
