"""How a plugin call is run in a process that can be limited and killed."""
