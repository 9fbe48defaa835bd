"""A sweep is read from its folder: real studies and compositions; nobody trains."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sweeps import results_folder
from sweeps.recorded.recorded_sweep import RecordedSweep, read
from sweeps.results_folder import Folder
from sweeps.search.search import Search
from sweeps.space.dimensions import Choice, Interval
from sweeps.trials import Objective
from tests.sweeps.transfer.test_previous_sweeps import LR, composed, run
from trainers.errors import ConfigError


def test_what_was_asked_and_what_came_of_it_are_read_while_it_runs(tmp_path: Path) -> None:
    study = run(tmp_path, "a", LR, "optimizer=adamw,sgd", keep_open=True)
    found = read(Folder(tmp_path / "a"))
    assert list(found.trials) == study.trials
    assert found.uid == study.uid
    assert (found.name, found.objective, found.data) == ("a", study.objective, "data")
    assert isinstance(found.dimensions["optimizer.lr"], Interval)
    assert found.dimensions["optimizer"] == Choice(("adamw", "sgd"))
    assert found.made_by["versions"]["torch"]
    ranked = found.ranked
    assert ranked[0].value == max(one.value for one in ranked)
    assert found.trial_config("0001")["optimizer"]["lr"] == found.trials[1].params["optimizer.lr"]
    assert found.trial_config("0099") == {}
    study.close()


def test_when_and_where_each_epoch_was_trained_is_on_record(tmp_path: Path) -> None:
    study = run(tmp_path, "a", LR, trials=1, keep_open=True)
    record = study.propose(study_search(tmp_path))
    for epoch, machine in enumerate(("atlas", "atlas", "rhea"), 1):
        study.report(record.id, epoch, {study.objective.metric: 0.5}, "me", machine)
    study.close()
    (_, trial) = read(Folder(tmp_path / "a")).trials
    moments = trial.moments
    assert [moments[epoch].machine for epoch in (1, 2, 3)] == ["atlas", "atlas", "rhea"]
    assert {moment.member for moment in moments.values()} == {"me"}
    assert moments[1].at <= moments[2].at <= moments[3].at
    assert trial.epochs == study.trials[1].epochs, "no metric has been added"
    assert trial.epochs[1].keys() == {study.objective.metric}


def study_search(where: Path) -> Search:
    with composed(where, "name=b", LR) as sweep:
        return sweep.search


def test_a_folder_that_was_moved_and_has_lost_its_trials_is_read(tmp_path: Path) -> None:
    run(tmp_path, "a", LR).close()
    shutil.move(tmp_path / "a", tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "elsewhere" / "trials")
    found = read(Folder(tmp_path / "elsewhere"))
    assert (found.name, len(found.trials)) == ("elsewhere", 6)
    assert found.trial_config("0000") == {}


@pytest.mark.parametrize("text", ["!!python/object/apply:os.abort []\n", "a: " + "[" * 100_000])
def test_a_configuration_that_would_end_the_process_is_data(text: str, tmp_path: Path) -> None:
    run(tmp_path, "a", LR).close()
    folder = Folder(tmp_path / "a")
    (folder.trials / "0000" / "config.yaml").write_text(text)
    assert read(folder).trial_config("0000") == {}


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb:\n  c: [1, 2]\n  d: 'e: f'\n",
        "a: &x\n  b: 1\nc: *x\n",
        "a: 'over\n\n  lines'\nb: |\n  c:\n  d: 1\n",
        "a:\n- 1\n- 2\nb: {}\n",
        "'quoted: key': 1\nb: 2\n? c\n: 3\n",
        "a: 'begins at\nthe: margin'\n",
        "",
        "- a\n",
    ],
)
def test_a_configuration_is_read_as_yaml_however_it_is_written(tmp_path: Path, text: str) -> None:
    run(tmp_path, "a", LR, trials=1).close()
    folder = Folder(tmp_path / "a")
    (folder.trials / "0000" / "config.yaml").write_text(text)
    whole = yaml.safe_load(text)
    assert read(folder).trial_config("0000") == (whole if isinstance(whole, dict) else {})


@given(
    st.dictionaries(
        st.text(max_size=4),
        st.recursive(
            st.none() | st.integers() | st.text("a:-'\n # é", max_size=90),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
            max_leaves=4,
        ),
        max_size=5,
    )
)
def test_any_configuration_that_is_written_is_read(config: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as where:
        folder = Folder(Path(where))
        (folder.trials / "0000").mkdir(parents=True)
        results_folder.write_config(folder.trials / "0000" / "config.yaml", config)
        assert bare(folder).trial_config("0000") == config


def bare(folder: Folder) -> RecordedSweep:
    """A sweep of which nothing but the folder is known."""
    return RecordedSweep(
        folder, {}, (), {}, "", {}, "", 0.0, (Objective("a", True),), {}, (), (), {}
    )


def test_a_folder_without_a_record_says_so(tmp_path: Path) -> None:
    run(tmp_path, "a", LR).close()
    folder = Folder(tmp_path / "a")
    folder.study.unlink()
    with pytest.raises(ConfigError, match=r"has no study\.log"):
        read(folder)
    content = yaml.safe_load(folder.sweep.read_text())
    content["version"] = 99
    folder.sweep.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match="newer Caviar"):
        read(folder)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"overrides": ["<script>"]}, "what it varies cannot be read"),
        ({"overrides": ["optimizer.lr=interval(3,"]}, "what it varies cannot be read"),
        ({"config": {"name": "a"}}, "it has no config.seed"),
        ({"config": {"seed": 1}}, "it has no config.name"),
    ],
)
def test_a_damaged_configuration_is_refused(
    tmp_path: Path, changed: dict[str, object], told: str
) -> None:
    run(tmp_path, "a", LR, trials=1)
    folder = Folder(tmp_path / "a")
    content = yaml.safe_load(folder.sweep.read_text())
    folder.sweep.write_text(yaml.safe_dump({**content, **changed}))
    with pytest.raises(ConfigError, match=f"sweep.yaml is damaged: {told}") as refusal:
        read(folder)
    assert "\n" not in str(refusal.value)
