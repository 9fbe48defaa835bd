"""Measure against named rivals in the same run: `make bench BENCH=trainer`."""
