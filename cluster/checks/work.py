"""Check that a machine can work: its data, its way to W&B, and a trial on its own Ray."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from cluster.checks.check import Check, fail, ok, warn
from sweeps import ROOT
from sweeps.formatting import one_line
from sweeps.private_folder import private_folder
from sweeps.tracking.wandb_connection import has_key
from trainers.errors import ConfigError
from trainers.files.yaml_text import load_yaml

#: Seconds that a trial of one epoch, and Ray before it, may take on a busy machine.
_MOST_S = 300.0

_WANDB = "https://api.wandb.ai"


def data() -> Check:
    """Check which of the data sets that must lie on a machine do."""
    given = os.environ.get("DATA_ROOT")
    root = Path(given or "data").expanduser()
    if given and not root.is_dir():
        return fail("data", f"DATA_ROOT={given} is no folder here", "set it to where the data lie")
    known = sorted(set(_names()))
    there = [name for name in known if _has_files(root / name)]
    where = f"{root.absolute()}"
    if there:
        return ok("data", f"{', '.join(there)} in {where}")
    return warn(
        "data",
        f"none of {', '.join(known)} in {where}",
        "set DATA_ROOT to their folder; without them trials of the embedded data sets run here",
    )


def wandb() -> Check:
    """Check whether runs are sent to W&B from here."""
    if os.environ.get("WANDB_MODE") in ("offline", "disabled"):
        return ok("W&B", f"WANDB_MODE={os.environ['WANDB_MODE']}")
    url = os.environ.get("WANDB_BASE_URL") or _WANDB
    if has_key(url):
        return ok("W&B", f"a key for {url}")
    return ok("W&B", "no key: sweeps from here are kept offline; wandb login, then make sync")


def trial() -> Check:
    """Check that Ray starts, and a trial of one epoch trains, saves and ends well."""
    began = time.monotonic()
    try:
        with private_folder("caviar-doctor-") as folder:
            words = [
                "debug=one_epoch", "track=none", "space=null", "data=digits", "seed=1,2",
                "budget.trials=1", "max_concurrent=1", "resources.gpu=0", "name=doctor",
                f"results={folder}",
            ]  # fmt: skip
            result = subprocess.run(
                [sys.executable, "-m", "sweeps", *words],
                cwd=ROOT, capture_output=True, text=True, timeout=_MOST_S, check=False,
                # No head of this machine's, and no study: a Ray of its own.
                env={**os.environ, "CAVIAR_CLUSTER": str(folder / "none"), "RAY_ADDRESS": ""},
            )  # fmt: skip
            saved = [*(folder / "doctor" / "trials").glob("*/epoch_001/state.pt")]
    except subprocess.TimeoutExpired:
        return fail("a trial", f"not over after {_MOST_S:.0f} s", "make sweep: see where it stays")
    except ConfigError as error:
        return fail("a trial", str(error), "see there")
    if result.returncode or not saved:
        said = (result.stdout + result.stderr).strip().splitlines() or ["it said nothing"]
        errors = [line for line in said if line.startswith("error")] or said[-1:]
        why = one_line(errors[-1]).removeprefix("error: ")[:200]
        return fail("a trial", why, "make sweep: it says more")
    return ok("a trial", f"Ray and one epoch in {time.monotonic() - began:.0f} s")


def _names() -> list[str]:
    """Return the folders below DATA_ROOT that data sets have, by their files in conf/data."""
    found = []
    for path in sorted((ROOT / "conf" / "data").glob("*.yaml")):
        where = str((load_yaml(path.read_text(encoding="utf-8")) or {}).get("root") or "")
        if "DATA_ROOT" in where:
            found.append(where.rpartition("/")[2])
    return found


def _has_files(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False
