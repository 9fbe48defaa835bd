"""Several sweeps are compared as far as they optimise the same, on the same data."""

from __future__ import annotations

from dataclasses import replace

from sweeps.page.reviewed import Reviewed
from sweeps.page.sections.across import across
from sweeps.trials import Objective


def both(reviewed: Reviewed, **changes: object) -> list[Reviewed]:
    other = replace(reviewed.sweep, **changes)  # type: ignore[arg-type]
    return [replace(reviewed, prefix="a/"), replace(reviewed, sweep=other, prefix="b/")]


def test_the_best_of_all_is_named_with_its_sweep(reviewed: Reviewed) -> None:
    first, second = both(reviewed)
    rest = [t for t in second.sweep.trials if t.id != second.sweep.ranked[0].trial.id]
    worse = replace(second, sweep=replace(second.sweep, trials=tuple(rest)))
    for order in ([first, worse], [worse, first]):
        told = across(order)
        assert f"#t=a/{first.sweep.ranked[0].trial.id}" in told
        assert "ahead of the best of a by" in told


def test_what_cannot_be_compared_is_not(reviewed: Reviewed) -> None:
    loss = (Objective("val_loss", maximize=False),)
    assert "no best of all is named" in across(both(reviewed, objectives=loss))
    assert "not comparable as they stand" in across(both(reviewed, data="others"))
    assert "reaches too" in across(both(reviewed))
    assert "No trial of these sweeps has a score" in across(
        [replace(one, sweep=replace(one.sweep, trials=())) for one in both(reviewed)]
    )
