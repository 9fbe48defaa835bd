"""What a person sees in a terminal: the live view, its numbers, and the end of a sweep."""
