"""Tell which trial the diagnosis in a sweep's folder is of."""

from __future__ import annotations

import json

from sweeps.recorded.recorded_sweep import RecordedSweep


def diagnosed_other(sweep: RecordedSweep) -> str:
    """Return the id of the trial that diagnosis/ is of, if that is not the best; else empty.

    It may be of what was the best when it was made. An older one does not say, and is taken for
    that of the best.
    """
    try:
        path = sweep.folder.path / "diagnosis" / "summary.json"
        trial = json.loads(path.read_text(encoding="utf-8"))["trial"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    known = {one.id for one in sweep.trials}
    best = sweep.ranked[0].trial.id if sweep.ranked else ""
    return trial if isinstance(trial, str) and trial in known and trial != best else ""
