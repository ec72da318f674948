"""What the server does, free of HTTP and of storage."""
