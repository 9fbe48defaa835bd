"""Lend a machine: what of it and when, whether it fits to the head, how it is taken back."""
