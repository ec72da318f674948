"""One module per resource; each route is a thin step from HTTP to a service."""
