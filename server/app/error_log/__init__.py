"""What went wrong inside, with the stack traces that no client sees."""
