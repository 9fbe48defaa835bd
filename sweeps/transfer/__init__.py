"""Trials of previous sweeps, adapted to a new space for its search to learn from."""
