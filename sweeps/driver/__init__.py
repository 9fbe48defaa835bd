"""Decide while a sweep runs: the next trial, who stops, when all is over."""
