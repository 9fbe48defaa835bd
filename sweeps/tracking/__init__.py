"""Log a sweep to Weights & Biases, or nowhere. Importing this package imports no wandb."""

from sweeps.tracking.tracker import (
    DIFFERS,
    LOAD,
    NullTracker,
    SweepResults,
    Table,
    Tracker,
    Varied,
)
from sweeps.tracking.wandb_tracker import WandbTracker

__all__ = [
    "DIFFERS",
    "LOAD",
    "NullTracker",
    "SweepResults",
    "Table",
    "Tracker",
    "Varied",
    "WandbTracker",
]
