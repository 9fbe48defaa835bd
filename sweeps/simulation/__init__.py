"""Run a sweep in simulated time: the real decisions, on given learning curves."""

from sweeps.simulation.curves import Curve, CurveSource
from sweeps.simulation.engine import Simulated, Step, baseline, check_length, simulate
from sweeps.simulation.generated import Generated
from sweeps.simulation.recorded import Recorded, read

__all__ = [
    "Curve",
    "CurveSource",
    "Generated",
    "Recorded",
    "Simulated",
    "Step",
    "baseline",
    "check_length",
    "read",
    "simulate",
]
