"""A session of a cluster sees who shares its folder, and takes in what the others send."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeps.backend.machines import named, this_node
from sweeps.backend.ray_session import session
from sweeps.backend.stream import calls, scratch, sending
from sweeps.backend.stream.contents import Delivery, Piece
from sweeps.backend.stream.receiver import Outcome
from sweeps.backend.stream.sending import StreamedResults, streamed_results
from trainers.errors import ConfigError

DATA = {"root": "/data/mine", "fraction": 1.0}
CONFIG = {"data": DATA}


@pytest.fixture(scope="module")
def _ray() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", "")
        with session():
            yield


@pytest.fixture
def trials(tmp_path: Path) -> Path:
    """Of a sweep whose driver takes this machine for another one."""
    (tmp_path / "s" / "trials" / "0000").mkdir(parents=True)
    return tmp_path / "s" / "trials"


@pytest.mark.usefixtures("_ray")
def test_a_session_starts_no_process_before_a_machine_sends(trials: Path) -> None:
    with streamed_results(trials, DATA, "f00d") as streams:
        assert (trials / streams.work(CONFIG)["mark"]).is_file()
        with pytest.raises(ValueError, match="receiver"):
            calls.connect(streams.session)
    assert [path.name for path in trials.iterdir()] == ["0000"]


@pytest.mark.usefixtures("_ray")
def test_the_receiver_of_several_hosts_is_there_beforehand(
    trials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = [{"NodeManagerHostname": host} for host in ("vm", "other")]
    monkeypatch.setattr(sending, "alive_nodes", lambda: hosts)
    with streamed_results(trials, DATA, "f00d") as streams:
        assert calls.connect(streams.session).open("0000", "1" * 32).newest == 0


@pytest.mark.usefixtures("_ray")
def test_a_machine_that_sends_is_cleaned(trials: Path) -> None:
    with streamed_results(trials, DATA, "f00d") as streams:
        message = streams.apart(this_node(), "alpha's vm")
        assert message.startswith(f"alpha's vm does not reach {trials.parent}: ")
        assert streams.apart(this_node(), "alpha's vm") == "", "a person hears it once"
        receiver = calls.connect(streams.session)
        token, state = "1" * 32, os.urandom(20_000_000)
        assert receiver.open("0000", token).newest == 0
        half = len(state) // 2
        for offset in (0, half):
            piece = state[offset : offset + half]
            reply = receiver.write("0000", token, "epoch_001/state.pt", offset, piece)
            assert reply.outcome is Outcome.DONE, reply
        large = {"epoch_001/state.pt": Piece(len(state), hashlib.sha256(state).hexdigest())}
        reply = receiver.deliver("0000", token, Delivery(1, 0, {"log": b"x"}, large, ()))
        assert reply.newest == 1, reply
        assert (trials / "0000" / "epoch_001" / "state.pt").read_bytes() == state
        folder, lock = scratch.make(streams.session)  # of a process that is killed
        os.close(lock)
    assert not folder.exists()
    with pytest.raises(ValueError, match="receiver"):
        calls.connect(streams.session)


@pytest.mark.usefixtures("_ray")
def test_the_mark_of_a_killed_session_is_removed(trials: Path) -> None:
    (trials / f"{sending._MARK}old").touch()
    with streamed_results(trials, DATA, "f00d") as streams:
        assert [*trials.glob(f"{sending._MARK}*")] == [trials / streams.work(CONFIG)["mark"]]


@pytest.mark.usefixtures("_ray")
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        StreamedResults(tmp_path / "absent" / "trials", DATA, "f00d")


@pytest.mark.usefixtures("_ray")
def test_a_trial_of_the_sweeps_own_data_is_held_to_it(
    trials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_ROOT", "/data")
    with streamed_results(trials, DATA, "f00d") as streams:
        about = {"session": streams.session, "base": "/data"}
        assert streams.work(CONFIG)["data"] == {**about, "fingerprint": "f00d"}
        swept = {"data": {**DATA, "fraction": 0.5}}
        assert streams.work(swept)["data"] == {**about, "fingerprint": ""}


@pytest.mark.usefixtures("_ray")
def test_a_machine_without_the_data_is_noted(trials: Path) -> None:
    with streamed_results(trials, DATA, "f00d") as streams:
        streams.lacks("a1", "vm", "/data/mine is not there")
        assert streams.lacking == {"a1": "vm lacks the data: /data/mine is not there"}


def test_a_machine_is_called_by_its_member() -> None:
    assert named("alpha", "vm") == "alpha's vm"
    assert named("", "vm") == "vm"
