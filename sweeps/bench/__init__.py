"""Benchmarks: each compares with a named rival in the same run. `make bench BENCH=trainer`."""
