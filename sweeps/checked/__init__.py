"""A sweep that has passed every check that needs nothing to run."""
