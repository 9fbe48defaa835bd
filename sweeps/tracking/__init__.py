"""Log a sweep to Weights & Biases, or nowhere. Importing this package imports no wandb."""

from sweeps.tracking.tracker import NullTracker, Table, Tracker
from sweeps.tracking.wandb_tracker import WandbTracker

__all__ = ["NullTracker", "Table", "Tracker", "WandbTracker"]
