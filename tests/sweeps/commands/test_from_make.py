"""What is written in a variable of make reaches a command as it was written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sweeps import ROOT
from sweeps.commands.from_make import words_of
from sweeps.formatting import command

#: The part of the Makefile that hands variables over.
HANDING_OVER = "\n".join(
    line
    for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    if line.startswith(("VARIABLES", "$(foreach", "unexport"))
)
SHOW = (
    f"@{sys.executable} -c 'import json, os; print(json.dumps("
    '{k[7:]: v for k, v in os.environ.items() if k.startswith("CAVIAR_")}))\''
)
TEXT = st.text("""ab=[]{}(),.:'"\\$`#*~&;|<>% é""", min_size=1, max_size=12)


#: What is printed before a command is run.
COMMAND = f"{os.path.relpath(sys.executable, ROOT)} -m"


def handed(line: str, where: Path = ROOT) -> dict[str, str]:
    """The variables that a command line, read by a shell and by make, hands over."""
    text = f"{HANDING_OVER}\nany:;{SHOW}\n"
    result = subprocess.run(
        ["sh", "-c", line.replace("make any", "make -s -f - any", 1)],
        input=text,
        capture_output=True,
        text=True,
        check=True,
        cwd=where,
    )
    values = json.loads(result.stdout)
    assert isinstance(values, dict)
    return values


def words(template: Sequence[str], **variables: str) -> list[str]:
    return list(words_of(template, variables))


@settings(max_examples=25, deadline=None)
@given(TEXT, st.lists(TEXT, max_size=3))
def test_a_printed_command_comes_through_shell_and_make(sweep: str, overrides: list[str]) -> None:
    assume(sweep == sweep.strip())  # as every name is
    variables = handed(command("any", sweep, "a folder", overrides))
    assert variables["SWEEP"] == sweep
    assert words(["ARGS"], **variables) == ["results=a folder", *overrides]


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("make any ARGS='name=a$b#c'", "ARGS", "name=a$b#c"),
        (
            "make any ARGS='x=tag(log,interval(1,2)) y=[1,2]'",
            "ARGS",
            "x=tag(log,interval(1,2)) y=[1,2]",
        ),
        ("make any ARGS='$(shell touch f) $(ARGS)'", "ARGS", "$(shell touch f) $(ARGS)"),
        ("make any SWEEP='x;touch f'", "SWEEP", "x;touch f"),
        ("make any HEAD='`touch f`'", "HEAD", "`touch f`"),
        ("ARGS='from $the environment' make any", "ARGS", "from $the environment"),
        ("make any ARGS='a=1\n  b=2'", "ARGS", "a=1\n  b=2"),
    ],
)
def test_nothing_is_expanded_and_nothing_run(
    line: str, name: str, value: str, tmp_path: Path
) -> None:
    assert handed(line, tmp_path)[name] == value
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("template", "variables", "expected"),
    [
        (["SWEEP", "ARGS"], {"SWEEP": "a b", "ARGS": "c=1 'd=e f'"}, ["a b", "c=1", "d=e f"]),
        (["SWEEP", "ARGS"], {}, []),
        (["SWEEP", "train/TRAIN"], {"TRAIN": "0003"}, ["train/0003"]),
        (
            ["preview=true", "ARGS"],
            {"ARGS": "space={a: '1,2'}"},
            ["preview=true", "space={a:", "1,2}"],
        ),
        (["--port=PORT", "--head=HEAD"], {"PORT": "1 2"}, ["--port=1 2"]),
        (["ARGS"], {"ARGS": "a=1\n b=x#y"}, ["a=1", "b=x#y"]),
    ],
)
def test_words(template: list[str], variables: dict[str, str], expected: list[str]) -> None:
    assert words(template, **variables) == expected


def run(*template: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {f"CAVIAR_{name}": value for name, value in variables.items()}
    return subprocess.run(
        [sys.executable, "-m", "sweeps.commands.from_make", *template],
        env={**os.environ, **environment, "MAKEFLAGS": "-- ARGS=study=postgresql://me:hunter2@h/d"},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


@pytest.mark.parametrize(
    ("template", "variables", "told"),
    [
        (["sweeps", "ARGS"], {"ARGS": "name=don't"}, "ARGS: No closing quotation"),
        (["sweeps.bench.BENCH"], {"BENCH": "none"}, "BENCH=none: there is no such benchmark"),
        (["sweeps.bench.BENCH"], {"BENCH": "x;touch f"}, "BENCH=x;touch f: there is no such"),
        (
            ["sweeps.commands.resume", "SWEEP"],
            {"SWEEP": "x;touch f"},
            "SWEEP=x;touch f: no such sweep",
        ),
    ],
)
def test_refuses(template: list[str], variables: dict[str, str], told: str) -> None:
    result = run(*template, **variables)
    assert result.returncode == 2
    assert told in result.stderr
    assert len(result.stderr.splitlines()) <= 2


def test_a_password_is_neither_a_word_nor_in_the_variables_of_make() -> None:
    """Nor in the command that is printed."""
    url = "study=postgresql://me:hunter2@h/d"
    result = run("tests.sweeps.commands.show_process", "ARGS", ARGS=f"{url} a=b")
    command = f"{COMMAND} tests.sweeps.commands.show_process study=postgresql://me@h/d a=b\n"
    assert result.stderr == command
    shown = json.loads(result.stdout)
    assert shown["argv"] == ["study=postgresql://me@h/d", "a=b"]
    assert shown["secret"] == ["PGPASSWORD"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_the_command_is_imported_ends_in_a_word(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "sweeps.commands.from_make", "tests.sweeps.commands.slow_import"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # nohup ignores it
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (
        130,
        f"{COMMAND} tests.sweeps.commands.slow_import\ninterrupted\n",
    )
