"""`python -m sweeps [overrides]`: run a sweep. `make sweep` is this with the set-up."""

from __future__ import annotations

from rich.console import Console

from sweeps.redaction import hide_password

hide_password()  # before anything that takes time: until then every user of the machine can see it
with Console().status("loading"):
    from sweeps.commands.sweep import main

main()
