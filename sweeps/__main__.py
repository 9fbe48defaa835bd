"""Run a sweep: `python -m sweeps [overrides]`, which `make sweep` calls."""

from __future__ import annotations

from rich.console import Console

from sweeps.redaction import hide_password

hide_password()  # before anything slow: until then every user of the machine can read it
with Console().status("loading"):
    from sweeps.commands.sweep import main

main()
