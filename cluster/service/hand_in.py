"""Check a sweep that a member hands in, before it queues: all that `make preview` checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cluster.service.checkout import Checkout
from cluster.service.queue import Queue, Queued
from sweeps.backend.claim import member_name
from sweeps.config.overrides import key_of, results_of, value_given, value_of
from sweeps.config.trusted_targets import trust_for_later, words_of_trust
from sweeps.formatting import arguments
from sweeps.redaction import take_password
from sweeps.results_folder import Folder, require_free
from trainers.errors import ConfigError

#: Words and characters that a command line may have.
_WORDS, _LETTERS = 1000, 100_000
#: The experiment of a command line that names none.
_USUAL = "quickstart"


def checked(
    body: Mapping[str, Any],
    queue: Queue,
    here: Path,
    own: Checkout,
    check: Callable[[Sequence[str]], None],
) -> Queued:
    """Return what was handed in as the queue takes it.

    Args:
        body: {"member", "words", "goes_on", "commit", "code"}: whose it is; the overrides; the name
            of the sweep on record that is to go on, or empty; the code that the member has.
        here: folder that relative paths of results begin at.
        own: the head's code.
        check: refuses the words of `make sweep` or `make resume` with a ConfigError.

    Raises:
        ConfigError: the sweep cannot run here, or its name is taken.
    """
    member, words, goes_on = (
        member_name(_text(body, "member")),
        _words(body),
        _text(body, "goes_on"),
    )
    _require_same(body, own)
    results = here / results_of(words)
    kept = [word for word in words if key_of(word) != "results"]
    if goes_on:
        if len(kept) == len(words) and goes_on in queue:
            results = Path(queue[goes_on].results)
            if not kept and not (results / goes_on).exists():
                return queue[goes_on]  # stopped before it had a record: it begins anew
            kept += [] if words_of_trust(kept) else trust_for_later(queue[goes_on].words)
        _require_record(results, goes_on, kept)
        check([goes_on, *kept, f"results={results}"])
        return Queued(goes_on, member, tuple(kept), True, str(results))
    name = value_given(kept, "name") or _free_name(queue, results, kept)
    kept = [*(word for word in kept if key_of(word) != "name"), f"name={name}"]
    if queue.holds(name):
        raise ConfigError(f"{name} is in the queue already: give this one another name=…")
    require_free(results, name)
    check([*kept, f"results={results}"])
    return Queued(name, member, tuple(kept), False, str(results))


def _free_name(queue: Queue, results: Path, words: Sequence[str]) -> str:
    """Name a sweep after its experiment, with a number where that name is taken."""
    name = value_given(words, "experiment") or _USUAL
    number, free = 1, name
    while queue.holds(free) or (results / free).exists():
        number += 1
        free = f"{name}-{number}"
    return free


def _require_record(results: Path, name: str, words: Sequence[str]) -> None:
    """Refuse to go on with what is not there, or by words that mean another thing the next time."""
    plain = name and "/" not in name and name[0] not in ".-"
    folder = results / name
    if not plain or not (Folder(folder).sweep.is_file() or (folder / "plan.yaml").is_file()):
        raise ConfigError(f"there is no sweep {name!r} in the head's {results}: see make status")
    for word in words:
        if value_of(word).startswith("+"):
            raise ConfigError(
                f"{word}: give the whole, such as {arguments(['budget.trials=40'])}: a sweep whose "
                "driver is lost begins again with the same words"
            )


def _require_same(body: Mapping[str, Any], own: Checkout) -> None:
    """Refuse a sweep that was written for other code than the head's."""
    if _text(body, "code") != own.code:
        theirs, ours = _text(body, "commit")[:9] or "no commit", own.commit[:9] or "no commit"
        raise ConfigError(
            f"the head has other code ({ours}) than this checkout ({theirs}): bring both to one "
            "commit (git pull, and no changes of your own), and start the head again"
        )


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key, "")
    if not isinstance(value, str):
        raise ConfigError(f"{key} of what was handed in must be text")
    return value


def _words(body: Mapping[str, Any]) -> list[str]:
    words = body.get("words", [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ConfigError("words of what was handed in must be a list of texts")
    if len(words) > _WORDS or sum(map(len, words)) > _LETTERS:
        raise ConfigError("that is too long for a command line")
    for word in words:
        if key_of(word) == "preview":
            raise ConfigError(f"{word}: what is handed in is run: use make preview")
        if word.startswith("-") or ("=" not in word and not word.startswith("~")):
            raise ConfigError(f"{word}: only overrides can be handed in, such as budget.trials=40")
        if take_password(word)[1] is not None:
            raise ConfigError(
                "study=: a password is not handed in: put it into ~/.pgpass on the head's machine"
            )
    return words
