"""Divide the slots of a cluster between sweeps: by members, weights and limits."""
