"""The decisions of a sweep while it runs: the next trial, who stops, when all is over."""
