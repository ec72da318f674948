"""Finding plugins, checking them, and keeping account of them."""
