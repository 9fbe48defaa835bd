"""What the stages of a plan are, and how one makes the next. Nobody trains."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.config.composition import compose
from sweeps.config.trusted_targets import Origin
from sweeps.launch.stages import Stage, carried, checked, next_stage, stages
from sweeps.results_folder import Folder
from sweeps.transfer.previous_sweeps import read
from tests.sweeps.transfer.test_previous_sweeps import LR, run
from trainers.errors import ConfigError
from trainers.models.mlp import MLP


class Planted(MLP):
    """A class of no package that is trusted."""


def planned(plan: str, *words: str) -> tuple[Stage, ...]:
    with compose(["name=p", f"plan={plan}", *words]) as composition:
        return stages(composition)


class TestStages:
    def test_are_numbered_and_named_and_say_what_they_are(self) -> None:
        one, two = planned(
            "[{experiment:mnist},{experiment:quickstart,budget:{trials:3},best:2,overrides:['epochs=2']}]"
        )
        assert (one.number, one.name, one.experiment, one.best) == (1, "p-1", "mnist", 3)
        assert (two.number, two.name, two.best) == (2, "p-2", 2)
        assert two.words(
            ["experiment=hw1p2_plan", "name=p", "plan=[]", "preview=true", "seed=7"]
        ) == [
            "experiment=quickstart",
            "name=p-2",
            "epochs=2",
            "budget.trials=3",
            "seed=7",
        ]

    def test_the_command_line_goes_before_the_plan(self) -> None:
        [one] = planned("[{experiment:mnist,budget:{trials:3,hours:1},overrides:['epochs=2']}]")
        assert one.words(["budget.trials=9", "epochs=1"]) == [
            "experiment=mnist", "name=p-1", "budget.hours=1", "budget.trials=9", "epochs=1",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("plan", "told"),
        [
            ("[]", "plan: an empty list"),
            ("[{budget:{trials:3}}]", r"plan\[0\] must name an experiment"),
            ("[{experiment:mnist,bets:2}]", r"plan\[0\].bets: .* did you mean best"),
            ("[{experiment:mnist,best:2}]", r"plan\[0\].best: no stage comes before the first"),
            ("[{experiment:mnist},{experiment:mnist,best:0}]", r"plan\[1\].best must be 1 or more"),
            ("[{experiment:mnist,budget:3}]", r"plan\[0\].budget must be limits"),
            ("[{experiment:mnist,overrides:a}]", r"plan\[0\].overrides must list"),
            ("[{experiment:mnist,overrides:['name=x']}]", "the plan sets this itself"),
        ],
    )  # fmt: skip
    def test_refused(self, plan: str, told: str) -> None:
        with pytest.raises(ConfigError, match=told):
            planned(plan)

    @pytest.mark.parametrize(
        ("experiment", "overrides", "told"),
        [
            ("mnits", (), r"plan\[1\] \(experiment=mnits\): .*did you mean mnist"),
            ("mnist", ("epohcs=3",), r"plan\[1\] \(experiment=mnist\): epohcs: "),
            ("hw1p2_plan", (), "it is a plan of several sweeps where one is wanted"),
        ],
    )  # fmt: skip
    def test_a_stage_that_is_no_sweep_is_named(
        self, experiment: str, overrides: tuple[str, ...], told: str
    ) -> None:
        stage = Stage(2, "p-2", experiment, {}, 3, overrides)
        with (
            pytest.raises(ConfigError, match=told),
            checked(stage, stage.words(["data=digits"])),
        ):
            raise AssertionError("it has been let pass")


class TestNext:
    GIVEN = ("data=digits", "track=none", "space=null")
    #: As the last search had it: its best is adamw, a width of 64 or more and a high rate.
    BEFORE = (LR, "optimizer=adamw,sgd", "model.width=16,64", "model.dropout=interval(0,0.2)",
              "optimizer.momentum=interval(0.5,0.9)", "search=random")  # fmt: skip

    def stage(self, *overrides: str, best: int = 2) -> Stage:
        return Stage(2, "p-2", "quickstart", {"trials": 4}, best, overrides)

    @pytest.fixture(scope="class")
    @classmethod
    def where(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        where = tmp_path_factory.mktemp("plan")
        run(where, "p-1", *cls.BEFORE, "data=digits", trials=8)
        return where

    def test_what_was_settled_is_kept_and_the_best_come_first(self, where: Path) -> None:
        before = read(Folder(where / "p-1"))
        fixed = {
            "model.width": 64, "optimizer": "sgd", "optimizer.momentum": 0.6, "model.dropout": 0.1,
            "model.channels": 8,
        }  # fmt: skip
        stage = self.stage(LR.replace("1e-4", "5e-3"), "model.dropout=0.0")
        begun = next_stage(stage, self.GIVEN, fixed, before)
        # dropout is given, channels are not of this model
        assert begun.fixed == {
            "optimizer": "sgd", "model.width": 64, "optimizer.momentum": 0.6,
        }  # fmt: skip
        assert begun.messages[0] == "fixed: optimizer=sgd  model.width=64  optimizer.momentum=0.6"
        ranked = sorted(
            before.scored, key=lambda t: -(t.best(before.recorded.objective) or (0, 0.0))[1]
        )
        rates = [max(float(str(t.params["optimizer.lr"])), 5e-3) for t in ranked[:2]]
        assert begun.messages[1] == (f"begins with the best of p-1: {ranked[0].id}, {ranked[1].id}")
        with checked(stage, begun.words) as sweep:
            assert sweep.config["model"]["width"] == 64
            assert sweep.config["optimizer"]["momentum"] == 0.6
            assert sweep.config["points"] == [{"optimizer.lr": rate} for rate in rates]
            assert sweep.search.point(1) == {"optimizer.lr": rates[0]}, "after the baseline"

    def test_a_key_that_not_every_choice_has_is_not_carried(self) -> None:
        stage = self.stage(LR, "optimizer=adamw,sgd")
        with checked(stage, stage.words(self.GIVEN)) as sweep:
            keys = ["optimizer.momentum", "optimizer", "model.width", "seed", "nothing.at.all"]
            assert carried(sweep, stage, self.GIVEN, keys) == ["model.width", "seed"]
            assert carried(sweep, stage, [*self.GIVEN, "seed=3"], keys) == ["model.width"]

    def test_what_this_stage_cannot_be_with_is_left_and_told(self, where: Path) -> None:
        before = read(Folder(where / "p-1"))
        stage = self.stage(LR)
        fixed = {"batch_size": 32, "epochs": "many"}
        begun = next_stage(stage, self.GIVEN, fixed, before)
        assert begun.fixed == {"batch_size": 32}
        assert begun.messages[1] == "not fixed, as this stage cannot have it: epochs=many"

    def test_a_word_whose_key_the_carried_choice_lacks_is_dropped_and_told(
        self, where: Path
    ) -> None:
        """The plan's optimizer, adamw, has betas and takes amsgrad; the best one, sgd, does not."""
        before = read(Folder(where / "p-1"))
        stage = self.stage(LR, "optimizer.betas=[0.8,0.9]")
        given = (*self.GIVEN, "+optimizer.amsgrad=true", "optimizer.weight_decay=0.1")
        begun = next_stage(stage, given, {"optimizer": "sgd"}, before)
        dropped = ["optimizer.betas=[0.8,0.9]", "+optimizer.amsgrad=true"]
        assert begun.fixed == {"optimizer": "sgd"}
        assert not {*dropped} & {*begun.words}
        assert begun.messages[1:3] == tuple(
            f"not set, as the fixed choice has no such key: {word}" for word in dropped
        )
        with checked(stage, begun.words) as sweep:
            optimizer = sweep.config["optimizer"]
            assert optimizer["_target_"] == "torch.optim.SGD"
            assert not {"betas", "amsgrad"} & optimizer.keys()
            assert optimizer["weight_decay"] == 0.1, "which sgd has"

    def test_a_word_stays_where_the_choice_without_its_key_is_not_carried(
        self, where: Path
    ) -> None:
        before = read(Folder(where / "p-1"))
        stage = self.stage(LR, "optimizer.betas=[0.8,0.9],[0.9,0.99]")
        given = (*self.GIVEN, "+optimizer.amsgrad=true")
        begun = next_stage(stage, given, {"optimizer": "sgd"}, before)
        assert begun.fixed == {}
        assert begun.messages[1] == "not fixed, as this stage cannot have it: optimizer=sgd"
        assert not any("not set" in line for line in begun.messages)
        assert "+optimizer.amsgrad=true" in begun.words
        with checked(stage, begun.words) as sweep:
            assert sweep.config["optimizer"]["amsgrad"] is True

    def test_what_trials_of_a_record_had_is_not_run(self, where: Path) -> None:
        """A plan that is resumed may be somebody else's, and so may what its trials were."""
        before = read(Folder(where / "p-1"))
        fixed = {"model._target_": f"{__name__}.Planted"}
        begun = next_stage(self.stage(LR), self.GIVEN, fixed, before, Origin(where))
        assert begun.fixed == {}
        assert any(line.startswith("not fixed") for line in begun.messages)
        own = next_stage(self.stage(LR), self.GIVEN, fixed, before)
        assert own.fixed == fixed
