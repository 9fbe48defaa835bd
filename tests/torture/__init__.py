"""Torture a cluster of real processes with faults drawn at random: `make torture N=50 SEED=1`."""
