"""Measure a cluster: how it grows and shares, what streaming costs, what processes take."""
