"""Try each card with a small multiplication, in a process of its own.

A driver that is broken may end the process that asks it, or never answer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from cluster.checks.check import Check, fail, ok, warn
from cluster.machine.cards import Cards
from sweeps import ROOT
from trainers.errors import first_line

#: Seconds that a card may take: the first use of CUDA on a busy machine takes ten.
_MOST_S = 120.0
#: Rows of the matrices.
_SIZE = 1024
#: Bytes of a card's memory that are enough for a small trial.
_ENOUGH = 1.0


def cards() -> list[Check]:
    """Check that torch can use the cards that there are."""
    there = Cards()
    if there.fault:
        return [fail("cards", there.fault, "install the NVIDIA driver anew, and restart")]
    if not len(there):
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        why = "" if hidden is None else f" (CUDA_VISIBLE_DEVICES={hidden})"
        return [ok("cards", f"none of NVIDIA's{why}: trials train on the cores")]
    try:
        seen = _try()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return [fail("cards", first_line(error), f"driver {there.driver}: does nvidia-smi answer?")]
    if not seen["cards"]:
        built = f"torch {seen['torch']} is for CUDA {seen['cuda'] or '—'}"
        return [
            fail(
                "cards",
                f"{len(there)} there, but {built}, and the driver is {there.driver}",
                "install a newer driver (nvidia.com/drivers), or torch for CUDA: make setup",
            )
        ]
    return [_of_card(number, one, there.driver) for number, one in enumerate(seen["cards"])]


def _of_card(number: int, one: dict[str, Any], driver: str) -> Check:
    what = f"card {number}"
    if one["error"]:
        return fail(what, f"{one['name']}: {one['error']}", "nvidia-smi; restart, if it is broken")
    found = (
        f"{one['name']}, {one['free_gb']:.1f} of {one['total_gb']:.1f} GB free, driver {driver}, "
        f"a product of {_SIZE}² in {one['ms']:.2f} ms"
    )
    if one["free_gb"] < _ENOUGH:
        return warn(what, found, "somebody uses it: POLITE=true lends it when they do not")
    return ok(what, found)


def _try() -> dict[str, Any]:
    """Try the cards in another process.

    Raises:
        ValueError: it ended without an answer.
        subprocess.SubprocessError: it took too long.
    """
    result = subprocess.run(
        [sys.executable, "-m", "cluster.checks.card_trial"],
        cwd=ROOT, capture_output=True, text=True, timeout=_MOST_S, check=False,
    )  # fmt: skip
    if result.returncode:
        last = (result.stderr.strip().splitlines() or [f"ended by {result.returncode}"])[-1]
        raise ValueError(last)
    seen: dict[str, Any] = json.loads(result.stdout)
    return seen


def main() -> None:
    """Multiply on each card that torch sees, and print what came of it as JSON."""
    import time

    import torch

    found = []
    for number in range(torch.cuda.device_count()):
        one: dict[str, Any] = {"name": torch.cuda.get_device_name(number), "error": ""}
        try:
            left = torch.rand(_SIZE, _SIZE, generator=torch.Generator().manual_seed(0))
            here = left.to(f"cuda:{number}")
            product = (here @ here).cpu()  # the first one loads the library
            began = time.perf_counter()
            again = here @ here
            torch.cuda.synchronize(number)
            one["ms"] = (time.perf_counter() - began) * 1000
            free, total = torch.cuda.mem_get_info(number)
            one |= {"free_gb": free / 1e9, "total_gb": total / 1e9}
            if not torch.allclose(product, left @ left, rtol=1e-2) or not torch.equal(
                again.cpu(), product
            ):
                one["error"] = "it multiplies wrongly"
        except RuntimeError as error:
            one["error"] = first_line(error)
        found.append(one)
    json.dump({"torch": torch.__version__, "cuda": torch.version.cuda, "cards": found}, sys.stdout)


if __name__ == "__main__":
    main()
