"""`python -m sweeps [overrides]`: run a sweep. `make sweep` is this with the set-up."""

from __future__ import annotations

from sweeps.cli import run

run("sweep")
