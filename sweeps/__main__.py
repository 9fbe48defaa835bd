"""Run a sweep: `python -m sweeps [overrides]`, which `make sweep` calls."""

from __future__ import annotations

from rich.console import Console

from sweeps.redaction import hide_password
from sweeps.timeline import mark

hide_password()  # before anything slow: until then every user of the machine can read it
mark("import Hydra and the search")
with Console().status("loading"):
    from sweeps.commands.sweep import main

mark("compose the configuration")
main()
