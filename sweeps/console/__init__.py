"""Show a sweep in a terminal: the live view, its numbers, and the closing tables."""
