"""A sweep in simulated time: the real decisions, on learning curves that are known already."""

from sweeps.simulation.curves import Curve, Source
from sweeps.simulation.engine import Simulated, Step, baseline, check_length, simulate
from sweeps.simulation.generated import Generated
from sweeps.simulation.recorded import Recorded, read

__all__ = [
    "Curve",
    "Generated",
    "Recorded",
    "Simulated",
    "Source",
    "Step",
    "baseline",
    "check_length",
    "read",
    "simulate",
]
