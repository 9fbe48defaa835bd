"""What a sweep shows elsewhere: Weights & Biases, or nothing. Importing this imports no wandb."""

from sweeps.tracking.tracker import NullTracker, Table, Tracker
from sweeps.tracking.wandb_tracker import WandbTracker

__all__ = ["NullTracker", "Table", "Tracker", "WandbTracker"]
