"""Serve a cluster's head: the queue of sweeps, the status, the page; behind the token."""
