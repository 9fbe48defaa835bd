"""Find what came of a sweep: all statements, from its record alone."""

from __future__ import annotations

import math
from collections.abc import Iterable

from threadpoolctl import threadpool_limits

from sweeps.findings.early_stopping import stopping_findings
from sweeps.findings.edges import edge_findings, edges
from sweeps.findings.effect_words import effect_findings, importance_findings, pair_findings
from sweeps.findings.effects import effects, pairs_together
from sweeps.findings.finding import Finding, Findings, Topic
from sweeps.findings.importance import importances
from sweeps.findings.next_sweep import next_findings
from sweeps.findings.observations import Observations, observe
from sweeps.findings.seed_noise import noise_of
from sweeps.findings.waste import waste_findings
from sweeps.findings.winner import unit_of, winner_findings
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import SEED, derived


def findings(sweep: RecordedSweep) -> Findings:
    """Find what came of a sweep, as it stands now; the same record gives the same findings."""
    # Matrices of 5,000 x 40: threads that wait for each other took up to 40 times as long.
    with threadpool_limits(1, user_api="blas"):
        return _findings(sweep)


def _findings(sweep: RecordedSweep) -> Findings:
    observed = observed_of(sweep)
    noise = noise_of(sweep.trials, sweep.objective, observed)
    compared = effects(observed, noise)
    seed = derived(int(sweep.config.get(SEED) or 0), "findings")
    mattered = importances(sweep.trials, sweep.dimensions, sweep.objective, seed)
    together = pairs_together(observed, [one.parameter for one in mattered.shares])
    at_edges = edges(observed)
    ranked = [one for one in sweep.ranked if math.isfinite(one.value)]
    statements: Iterable[Finding] = (
        *winner_findings(sweep, ranked, noise),
        *effect_findings(unit_of(sweep), observed, compared),
        *importance_findings(mattered, sweep.dimensions, compared, observed),
        *pair_findings(together, sweep.dimensions, observed),
        *edge_findings(observed, at_edges),
        *stopping_findings(sweep),
        *waste_findings(sweep),
        *next_findings(sweep, ranked, at_edges, compared, noise),
    )
    order = {topic: place for place, topic in enumerate(Topic)}
    return Findings(
        statements=tuple(sorted(statements, key=lambda one: order[one.topic])),
        effects=compared,
        importances=mattered.shares,
        importances_note=mattered.note,
        forest_trust=mattered.trust,
        noise=noise.sd if noise is not None and noise.repeated else None,
        together=tuple(pair.keys for pair in together),
    )


def observed_of(sweep: RecordedSweep) -> Observations:
    """Return what the effects of a sweep are estimated from."""
    return observe(
        sweep.searched,
        sweep.objective,
        sweep.dimensions,
        sweep.config.get("search"),
        sweep.baseline,
    )
