"""Proposals: the same for the same seed and study, in whatever process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from sweeps.search.build import build
from sweeps.search.samplers import LARGEST_GRID, Grid, Sampled
from sweeps.search.search import Search, Setting
from sweeps.space.grammar import parse
from sweeps.space.space import Space
from sweeps.study.open import open_study
from sweeps.trials import Objective, State
from trainers.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
TPE = {
    "_target_": "optuna.samplers.TPESampler",
    "_partial_": True,
    "n_startup_trials": 3,
    "multivariate": True,
    "group": True,
    "constant_liar": True,
}
RANDOM = {"_target_": "optuna.samplers.RandomSampler", "_partial_": True}
GRID = {"_target_": "sweeps.search.Grid"}


def space(*words: str) -> Space:
    return parse(OverridesParser.create().parse_overrides(list(words)), lambda key: ())


MIXED = space(
    "lr=tag(log,interval(1e-4,1))", "width=range(16,129,16)", "kind=a,b,c", "p=interval(0,1)"
)


def proposals(path: Path, config: Mapping[str, Any], seed: int, count: int) -> list[dict[str, Any]]:
    """The parameters of so many trials, each of which is better the nearer lr is to 0.01."""
    found = []
    study = open_study(path, Objective("score", True), MIXED, "s", create=not path.exists())
    for _ in range(count):
        # A search of its own for each: nothing but the seed and the study may matter.
        record = study.propose(build(config, Setting(MIXED, seed)))
        lr = record.params["lr"]
        assert isinstance(lr, float)
        study.report(record.id, 1, {"score": -abs(lr - 0.01)}, "", "")
        study.end(record.id, State.COMPLETE)
        found.append(dict(record.params))
    study.close()
    return found


def of_conf(name: str, **settings: Any) -> dict[str, Any]:
    """conf/search/<name>.yaml, with so few random trials first that the sampler shows itself."""
    return {**yaml.safe_load((ROOT / "conf/search" / f"{name}.yaml").read_text()), **settings}


SAMPLERS = {
    "random": RANDOM,
    "tpe": TPE,
    "sobol": of_conf("sobol"),
    "gp": of_conf("gp", n_startup_trials=5),
    "cmaes": of_conf("cmaes", n_startup_trials=3, popsize=5),
    "nsga2": of_conf("nsga2", population_size=3),
}


@pytest.mark.parametrize("config", SAMPLERS.values(), ids=SAMPLERS)
class TestSampled:
    def test_the_same_study_and_seed_give_the_same(
        self, config: Mapping[str, Any], tmp_path: Path
    ) -> None:
        whole = proposals(tmp_path / "a.log", config, 5, 9)
        assert proposals(tmp_path / "b.log", config, 5, 9) == whole
        parts = [p for n in (2, 3, 4) for p in proposals(tmp_path / "c.log", config, 5, n)]
        assert parts == whole

    def test_another_seed_gives_others(self, config: Mapping[str, Any], tmp_path: Path) -> None:
        one, two = (
            proposals(tmp_path / "a.log", config, 5, 5),
            proposals(tmp_path / "b.log", config, 6, 5),
        )
        assert all(a["lr"] != b["lr"] for a, b in zip(one, two, strict=True))

    def test_no_two_trials_draw_alike(self, config: Mapping[str, Any], tmp_path: Path) -> None:
        found = proposals(tmp_path / "a.log", config, 5, 9)
        assert len({json.dumps(params) for params in found}) == 9

    def test_there_is_always_another_and_none_is_fixed(self, config: Mapping[str, Any]) -> None:
        search = build(config, Setting(MIXED))
        assert search.limit() is None
        assert search.point(7) is None

    def test_draws_from_a_space_with_conditions(
        self, config: Mapping[str, Any], tmp_path: Path
    ) -> None:
        whole = space("optimizer=adam,sgd", "optimizer.momentum=interval(0,1)", "lr=interval(0,1)")
        momentum = replace(whole.parameters[1], when=(("optimizer", frozenset({"sgd"})),))
        conditional = Space(
            (replace(whole.parameters[0], group=True), momentum, *whole.parameters[2:])
        )
        study = open_study(
            tmp_path / "s.log", Objective("score", True), conditional, "s", create=True
        )
        for _ in range(8):
            record = study.propose(build(config, Setting(conditional)))
            study.report(record.id, 1, {"score": 0.5}, "", "")
            study.end(record.id, State.COMPLETE)
            assert ("optimizer.momentum" in record.params) == (record.params["optimizer"] == "sgd")


def test_every_search_of_conf_is_tried() -> None:
    there = {path.stem for path in (ROOT / "conf/search").glob("*.yaml")}
    assert there == set(SAMPLERS) | {"grid", "brute", "ablation"}


@pytest.mark.parametrize(
    "config",
    [
        of_conf("sobol"),
        {"_target_": "optuna.samplers.QMCSampler"},
        {"_target_": "optuna.samplers.QMCSampler", "scramble": True},
    ],
)
def test_a_sobol_sequence_leaves_no_gaps(config: Mapping[str, Any], tmp_path: Path) -> None:
    """Of 32 points of the unit square, each of 16 cells holds two; at random, hardly ever."""
    square = space("x=interval(0,1)", "y=interval(0,1)")
    study = open_study(tmp_path / "s.log", Objective("score", True), square, "s", create=True)
    search = build(config, Setting(square, seed=3))
    points = [study.propose(search).params for _ in range(33)][1:]  # the first is independent
    cells = Counter((int(4 * p["x"]), int(4 * p["y"])) for p in points)  # type: ignore[call-overload, operator]
    assert len(cells) == 16
    assert max(cells.values()) <= 3


class TestNoConfigurationTwice:
    SMALL = space("a=1,2,3", "b=x,true,[1]")

    def proposed(
        self, path: Path, config: Mapping[str, Any], count: int, **setting: Any
    ) -> list[dict[str, Any]]:
        study = open_study(
            path, Objective("score", True), self.SMALL, "s", create=not path.exists()
        )
        search = build(config, Setting(self.SMALL, **setting))
        found = []
        for _ in range(count):
            record = study.propose(search)
            study.report(record.id, 1, {"score": float(record.params["a"] == 2)}, "", "")  # type: ignore[comparison-overlap]
            study.end(record.id, State.COMPLETE)
            found.append(dict(record.params))
        study.close()
        return found

    @pytest.mark.parametrize("name", [*SAMPLERS, "brute"])
    def test_a_finite_space_is_tried_out(self, name: str, tmp_path: Path) -> None:
        config = SAMPLERS.get(name) or of_conf("brute")
        assert build(config, Setting(self.SMALL)).limit() == 9
        found = self.proposed(tmp_path / "s.log", config, 9)
        assert len({json.dumps(params) for params in found}) == 9

    @pytest.mark.parametrize("name", [*sorted(SAMPLERS.keys() - {"gp"}), "brute"])  # gp is slow
    def test_nor_after_an_interruption_and_with_the_same_choices(
        self, name: str, tmp_path: Path
    ) -> None:
        config = SAMPLERS.get(name) or of_conf("brute")
        whole = self.proposed(tmp_path / "a.log", config, 8)
        parts = [p for n in (3, 2, 3) for p in self.proposed(tmp_path / "b.log", config, n)]
        assert parts == whole

    def test_nor_by_a_point_given_twice(self, tmp_path: Path) -> None:
        points = [{"a": 2, "b": True}, {"a": 2, "b": True}, {"a": 2}]
        found = self.proposed(tmp_path / "s.log", RANDOM, 4, points=points)
        assert found[0] == points[0]
        assert found[2]["a"] == 2
        assert len({json.dumps(params) for params in found}) == 4


@pytest.mark.machines
def test_another_process_proposes_the_same(tmp_path: Path) -> None:
    here = proposals(tmp_path / "here.log", TPE, 11, 7)
    code = (
        "import json; from pathlib import Path; from tests.sweeps.search.test_samplers import *\n"
        f"print(json.dumps(proposals(Path({str(tmp_path / 'there.log')!r}), TPE, 11, 7)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "12345"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True
    )
    assert json.loads(done.stdout) == here


def test_tpe_learns_from_the_study(tmp_path: Path) -> None:
    """After its random trials it proposes other than random search, and nearer to the best."""
    tpe = proposals(tmp_path / "tpe.log", TPE, 5, 30)
    random = proposals(tmp_path / "random.log", RANDOM, 5, 30)

    def far(params: list[dict[str, Any]]) -> float:
        return float(sorted(abs(p["lr"] - 0.01) for p in params[10:])[10])

    assert far(tpe) < far(random)


class TestGrid:
    def test_every_combination_once_in_order(self) -> None:
        grid = build(GRID, Setting(space("a=1,2", "b=x,y,z", "c=range(0,2)")))
        assert grid.limit() == 12
        points = [grid.point(number) for number in range(12)]
        assert points == [
            {"a": a, "b": b, "c": c} for a, b, c in product((1, 2), ("x", "y", "z"), (0, 1))
        ]

    @given(st.lists(st.integers(0, 11), max_size=8))
    def test_in_whatever_order_it_is_asked(self, numbers: list[int]) -> None:
        """After an interruption it begins in the middle, and a test may look back."""
        setting = Setting(space("a=1,2", "b=x,y,z", "c=range(0,2)"))
        grid = Grid(setting)
        points = list(setting.space.enumerate())
        assert [grid.point(number) for number in numbers] == [points[n] for n in numbers]

    def test_the_seed_does_not_matter(self) -> None:
        grids: list[Search] = [build(GRID, Setting(space("a=3,1,2"), seed)) for seed in (0, 1)]
        for grid in grids:
            assert [grid.point(number) for number in range(3)] == [{"a": a} for a in (3, 1, 2)]

    def test_of_an_interval(self) -> None:
        with pytest.raises(ConfigError, match=r"lr is the interval") as refusal:
            build(GRID, Setting(space("a=1,2", "lr=interval(0,1)")))
        assert "search=random" in str(refusal.value)
        assert len(str(refusal.value).splitlines()) <= 2

    def test_of_a_billion(self) -> None:
        with pytest.raises(ConfigError, match=r"1,000,000,000 .* more than 1,000,000") as refusal:
            build(GRID, Setting(space(*(f"{key}=range(0,10)" for key in "abcdefghi"))))
        assert "search=random" in str(refusal.value)

    def test_the_largest(self) -> None:
        assert Grid(Setting(space(f"a=range(0,{LARGEST_GRID})"))).limit() == LARGEST_GRID
        with pytest.raises(ConfigError, match="fewer values"):
            Grid(Setting(space(f"a=range(0,{LARGEST_GRID + 1})")))


def test_seeds_of_trials_differ() -> None:
    """Also between sweeps whose seeds follow one another."""
    seen: list[int] = []

    def keep(seed: int) -> Any:
        seen.append(seed)

    for seed in range(20):
        for number in range(20):
            Sampled(keep, Setting(MIXED, seed)).sampler(number)
    assert len(set(seen)) == 400
