"""Several objectives: the trade-off between them, in the record, in files and on a screen."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.samplers import NSGAIISampler, TPESampler
from optuna.trial import TrialState

from sweeps.checked.check import check
from sweeps.config.composition import compose
from sweeps.report.pareto import picture
from sweeps.search.samplers import Sampled
from sweeps.search.search import Setting
from sweeps.study.open import open_study
from sweeps.study.storage import read_only
from sweeps.trials import Objective, State, TrialRecord, front, ranking, scores
from tests.sweeps.conftest import SMALL, Ran
from tests.sweeps.study.test_study import SPACE, opened
from tests.trainers.test_pictures import apart, boxes
from trainers.errors import ConfigError

pytestmark = pytest.mark.drawn

UP, DOWN = Objective("val_accuracy", True), Objective("parameters", False)
UP_TOO = Objective("parameters", True)


def trial(number: int, accuracy: float, parameters: float) -> TrialRecord:
    epochs = {
        1: {"val_accuracy": accuracy, "parameters": parameters},
        2: {"val_accuracy": accuracy - 0.1, "parameters": 0.0},  # not its best epoch
    }
    return TrialRecord(f"{number:04d}", number, State.COMPLETE, epochs=epochs)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_the_front_is_what_none_beats(points: list[tuple[int, int]]) -> None:
    trials = [trial(n, accuracy, size) for n, (accuracy, size) in enumerate(points)]
    found = [scores(ranked.trial, (UP, DOWN)) for ranked in front(trials, (UP, DOWN))]

    def beaten(a: int, p: int) -> bool:
        return any((b >= a and q <= p) and (b, q) != (a, p) for b, q in points)

    assert sorted(found) == sorted({(a, p) for a, p in points if not beaten(a, p)})  # type: ignore[type-var]
    assert [score[0] for score in found if score] == sorted(
        (score[0] for score in found if score), reverse=True
    )


@pytest.mark.parametrize(
    "points",
    [
        [(0.9 + 1e-4 * n, 1000 + n) for n in range(12)],
        [(0.9 + 1e-4 * n, 1000 + n) for n in range(12)] + [(0.2, 10)],
        [(0.5, 7)],
        [(0.5 + 0.04 * n, 100 * 2**n) for n in range(12)],
    ],
)
def test_no_two_labels_overlap(points: list[tuple[float, float]]) -> None:
    trials = [trial(n, accuracy, size) for n, (accuracy, size) in enumerate(points)]
    figure = picture(trials, front(trials, (UP, DOWN)), (UP, DOWN))
    names = figure.axes[0].texts
    assert sorted(text.get_text() for text in names) == [t.id for t in trials]
    assert apart(boxes(figure, names))


@pytest.mark.parametrize(("across", "corner"), [(DOWN, (9.0, 0.5)), (UP_TOO, (5.0, 0.5))])
def test_the_front_is_joined_by_what_can_be_had(
    across: Objective, corner: tuple[float, float]
) -> None:
    """With at most (or at least) so much of the one, so much of the other: no more is claimed."""
    better = 9.0 if across is DOWN else 5.0
    trials = [trial(0, 0.5, 14 - better), trial(1, 0.7, better)]
    drawn = picture(trials, front(trials, (UP, across)), (UP, across)).axes[0].lines[1]
    assert [*zip(drawn.get_xdata(), drawn.get_ydata(), strict=True)][1] == corner


def test_three_objectives_are_not_joined() -> None:
    third = Objective("val_loss", False)
    trials = [trial(n, 0.5 + 0.1 * n, 10.0 * n) for n in range(3)]
    figure = picture(trials, ranking(trials, UP), (UP, DOWN, third))
    assert not len(figure.axes[0].lines[1].get_xdata())
    [legend] = figure.legends
    assert "no trial beats it in all 3 objectives" in [t.get_text() for t in legend.get_texts()]


@pytest.mark.parametrize("sampler", [NSGAIISampler, TPESampler])
def test_a_study_goes_on_as_if_never_closed(tmp_path: Path, sampler: Any) -> None:
    settings = {"population_size": 4} if sampler is NSGAIISampler else {"n_startup_trials": 3}

    def proposed(path: Path, sessions: Sequence[int]) -> list[Any]:
        search = Sampled(lambda seed: sampler(seed=seed, **settings), Setting(SPACE, 3))
        for count in sessions:
            study = open_study(path, UP, SPACE, "s", not path.exists(), (DOWN,))
            for _ in range(count):
                record = study.propose(search)
                x, width = record.params["x"], record.params["width"]
                assert isinstance(x, float)
                assert isinstance(width, int)
                metrics = {"val_accuracy": x, "parameters": float(width), "epoch_s": 1.0}
                study.report(record.id, 1, metrics, "me", "atlas")
                if record.number % 3 == 1:
                    study.end(record.id, State.STOPPED, "early")
                elif record.number % 7 == 5:
                    study.end(record.id, State.INFEASIBLE, "too large")
                else:
                    study.end(record.id, State.COMPLETE)
            study.close()
        study = open_study(path, UP, SPACE, "s", False, (DOWN,))
        params = [dict(record.params) for record in study.trials]
        study.close()
        return params

    assert proposed(tmp_path / "a.log", [20]) == proposed(tmp_path / "b.log", [1, 6, 8, 5])
    theirs = optuna.load_study(study_name="s", storage=read_only(tmp_path / "a.log"))
    assert len(theirs.directions) == 2
    complete = [t for t in theirs.trials if t.state is TrialState.COMPLETE]
    assert all(t.values == [t.params["x"], t.params["width"]] for t in complete)


def test_its_curves_are_read_by_the_first(tmp_path: Path) -> None:
    """Whoever asks for one objective alone, such as the simulator, gets it."""
    study = open_study(tmp_path / "s.log", UP, SPACE, "s", True, (DOWN,))
    record = study.propose(Sampled(TPESampler, Setting(SPACE)))
    study.report(record.id, 1, {"val_accuracy": 0.5, "parameters": 9.0}, "me", "atlas")
    study.end(record.id, State.COMPLETE)
    study.close()
    alone = opened(tmp_path / "s.log")
    assert alone.optuna.best_value == 0.5
    alone.close()


def test_a_sweep_of_two_objectives(sweep_without_ray: Callable[..., Ran]) -> None:
    ran = sweep_without_ray(
        "search=nsga2",
        "search.population_size=3",
        "stop=none",
        "+objectives.parameters=min",
        "model.width=4,8,16,32",
        "model.dropout=0.0,0.1",
        "epochs=1",
        "budget.trials=5",
    )
    assert ran.code == 0
    with (ran.folder.path / "pareto.csv").open() as file:
        rows = list(csv.DictReader(file))
    accuracies = [float(row["val_accuracy"]) for row in rows]
    sizes = [float(row["parameters"]) for row in rows]
    assert accuracies == sorted(accuracies, reverse=True)
    assert sizes == sorted(sizes, reverse=True)
    assert (ran.folder.path / "pareto.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["+objectives.val_acuracy=min"],
            "objectives must be one of train_loss, .*val_acuracy",
        ),
        (["+objectives.val_accuracy=max"], "val_accuracy is the objective already"),
        (["+objectives.parameters=low"], "objectives.parameters"),
        (["+objectives.parameters=min", "search=cmaes"], "multi-objective"),
        (["+objectives.parameters=1,2"], "cannot be swept"),
    ],
)
def test_what_cannot_be_is_refused(words: list[str], told: str) -> None:
    with (
        pytest.raises(ConfigError, match=told),
        compose([*SMALL, "optimizer.lr=interval(0.001,0.1)", *words]) as composition,
    ):
        check(composition)
