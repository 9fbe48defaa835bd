"""A new sweep is refused before anything is left behind, and begins in a folder of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.backend.ray_session import Cluster, Ray
from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep, Transfer
from sweeps.config.composition import compose
from sweeps.launch.begin import _removed_if_refused, _share_of_card, begin, connect, fetch
from sweeps.results_folder import Folder, create
from tests.sweeps.conftest import SMALL
from trainers.errors import ConfigError


def swept(where: Path, *words: str) -> Sweep:
    with compose([*SMALL, "search=grid", "seed=1,2", f"results={where}", "name=s", *words]) as made:
        return check(made)


class WithCards(Cluster):
    """A cluster with cards, of which the smallest has so many gigabytes."""

    has_gpu = True  # type: ignore[assignment]

    def __init__(self, smallest: float | None) -> None:
        super().__init__(own=False, address="")
        object.__setattr__(self, "smallest", smallest)

    def smallest_card_gb(self) -> float | None:
        return self.__dict__["smallest"]  # type: ignore[no-any-return]


def nowhere() -> Ray:
    raise AssertionError("Ray is started for what is refused")


def test_a_name_that_is_taken_is_refused_before_ray_is_started(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    with pytest.raises(ConfigError, match="exists and is never overwritten"):
        begin(swept(tmp_path), nowhere)
    assert list((tmp_path / "s").iterdir()) == []


def test_a_space_with_nothing_to_train_is_refused_before_ray_is_started(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none of 2 proposals in a row could be trained"):
        begin(swept(tmp_path, "require=['seed > 5 or epochs > 5 * seed']"), nowhere)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_cannot_be_built_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="this norm needs batch_size of 2"):
        fetch(swept(tmp_path, "norm=batch", "batch_size=1"))


def test_the_data_have_a_fingerprint(tmp_path: Path) -> None:
    fingerprint = fetch(swept(tmp_path))
    assert fingerprint
    assert fetch(swept(tmp_path, "model.width=8")) == fingerprint


@pytest.mark.parametrize(
    ("memory", "smallest", "share"), [(4.0, 16.0, 0.25), (5.0, 16.0, 1 / 3), (16.0, 16.0, 1.0)]
)
def test_as_many_trials_share_a_card_as_have_room(
    tmp_path: Path, memory: float, smallest: float, share: float
) -> None:
    sweep = swept(tmp_path, f"resources.gpu_memory_gb={memory}")
    assert _share_of_card(sweep.resources, WithCards(smallest)) == share


@pytest.mark.parametrize(
    ("smallest", "rule"),
    [(3.9, "the smallest card of this cluster has 3.9 GB"), (None, "give a share of a card")],
)
def test_a_card_too_small_or_unknown_is_refused(
    tmp_path: Path, smallest: float | None, rule: str
) -> None:
    sweep = swept(tmp_path, "resources.gpu_memory_gb=4.0")
    with pytest.raises(ConfigError, match=rf"resources.gpu_memory_gb=4: .*{rule}"):
        _share_of_card(sweep.resources, WithCards(smallest))


def test_a_trial_gets_the_gpu_that_the_cluster_has(tmp_path: Path, without_ray: Ray) -> None:
    sweep = swept(tmp_path, "resources.gpu=null")
    with connect(sweep, without_ray):
        assert sweep.resources["gpu"] == 0.0
    given = swept(tmp_path, "resources.gpu=0.5")
    with connect(given, without_ray):
        assert given.resources["gpu"] == 0.5
    anywhere = swept(tmp_path, "resources.gpu=auto")
    with connect(anywhere, without_ray):
        assert anywhere.resources["gpu"] == 0.0
    assert _share_of_card(anywhere.resources, WithCards(None)) == 1.0


def test_it_is_told_that_previous_sweeps_had_other_data(
    tmp_path: Path, without_ray: Ray, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = replace(swept(tmp_path, "epochs=1"), transfer=Transfer({"old": "other data"}))
    assert begin(sweep, without_ray) == 0
    assert "from_sweep=old: its data are not those" in " ".join(capsys.readouterr().out.split())
    assert Folder(tmp_path / "s").sweep.is_file()


class TestRefused:
    @pytest.mark.parametrize("error", [ConfigError("no"), KeyboardInterrupt(), ValueError("bug")])
    def test_leaves_no_folder_and_undoes_the_rest(
        self, tmp_path: Path, error: BaseException
    ) -> None:
        undone: list[str] = []
        folder = create(tmp_path, "s")

        def refuse() -> None:
            with _removed_if_refused(folder) as undo:
                undo.callback(undone.append, "study")
                raise error

        with pytest.raises(type(error)):
            refuse()
        assert undone == ["study"]
        assert not folder.path.exists()

    def test_after_a_trial_everything_stays(self, tmp_path: Path) -> None:
        folder = create(tmp_path, "s")
        (folder.trials / "0000").mkdir()
        with pytest.raises(KeyboardInterrupt), _removed_if_refused(folder):
            raise KeyboardInterrupt
        assert (folder.trials / "0000").is_dir()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["device=cuda"], "device=cuda: no machine of this cluster has a GPU"),
        (["device=cpu,cuda"], "device=cuda: no machine of this cluster has a GPU"),
        (["model.dropout=0.1,1.5"], r"model\.dropout must be .*, not 1\.5"),
    ],
)
def test_what_no_trial_could_do_is_refused_and_leaves_nothing(
    words: list[str], told: str, tmp_path: Path, without_ray: Ray
) -> None:
    with pytest.raises(ConfigError, match=told):
        begin(swept(tmp_path, *words), without_ray)
    assert list(tmp_path.iterdir()) == []
