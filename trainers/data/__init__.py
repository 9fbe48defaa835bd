"""Data sets that live on the device, and how their rows are divided."""
