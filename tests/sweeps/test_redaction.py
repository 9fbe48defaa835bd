"""Secrets leave no trace in what is shown, and all else stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sweeps.redaction import HIDDEN, redacted, redacted_text, take_password

#: A password as it stands in a URL: without the characters that end one there.
PASSWORDS = st.text(
    st.characters(codec="ascii", categories=("L", "N")), min_size=12, max_size=20
).map(lambda text: f"pw{text}")
SECRET_NAMES = st.sampled_from(["password", "api_key", "db.token", "WANDB_API_KEY", "my-secret"])
PLAIN_NAMES = st.sampled_from(["lr", "tokenizer", "secrets_of_success", "optimizer.lr"])
PLAIN_VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)


def nested(names: st.SearchStrategy[str], leaves: st.SearchStrategy[Any]) -> Any:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=6,
    )


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)


@given(SECRET_NAMES, PASSWORDS)
def test_a_secret_is_hidden_at_any_depth(name: str, password: str) -> None:
    value = {"a": [{name: password}, {"b": {name: [password, {"c": password}]}}]}
    hidden = redacted(value)
    assert hidden["a"][0] == {name: HIDDEN}
    assert hidden["a"][1]["b"][name][0] == HIDDEN
    assert password in repr(hidden["a"][1]["b"][name][1]), "c is no name of a secret"


@given(nested(PLAIN_NAMES, PLAIN_VALUES))
def test_a_configuration_without_secrets_stays_as_it_is(value: Any) -> None:
    assert redacted(value) == value


@given(PASSWORDS, st.text(st.characters(codec="ascii", categories=("L", "Zs")), max_size=20))
def test_a_text_loses_the_password_of_every_url(password: str, words: str) -> None:
    url = f"postgresql://me:{password}@host:5432/db"
    hidden = "postgresql://me:***@host:5432/db"
    assert redacted_text(f"{words} {url} and {url}") == f"{words} {hidden} and {hidden}"


def test_a_text_loses_the_key_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0123456789abcdef")
    assert redacted_text("key=0123456789abcdef, again 0123456789abcdef") == "key=***, again ***"


@given(st.text(min_size=1))
def test_a_password_is_taken_from_a_word_and_decoded(password: str) -> None:
    word = f"study=postgresql://me:{quote(password, safe='')}@host/db"
    assert take_password(word) == ("study=postgresql://me@host/db", password)


@given(st.text().filter(lambda text: "study=" not in text))
def test_any_other_word_has_none(word: str) -> None:
    assert take_password(word) == (word, None)


words = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)


@given(user=words, password=words, host=words, where=st.sampled_from(["a", "token", "list"]))
def test_redaction_takes_passwords_and_nothing_else(
    user: str, password: str, host: str, where: str
) -> None:
    assume(redacted({user: "x"}) == {user: "x"})  # a user of the name of a secret is hidden too
    secret = f"<{password}>"
    url = f"postgresql://{user}:{secret}@{host}/study"
    clean = redacted({"a": url, "list": [{"url": url}], "db.token": secret, "tokenizer": where})
    assert secret not in json.dumps(clean)
    assert clean["a"] == f"postgresql://{user}:***@{host}/study"
    assert clean["tokenizer"] == where
    plain = f"https://{host}/{user}"
    assert redacted_text(plain) == plain


def test_redaction_keeps_numbers_and_writes_the_rest_as_text() -> None:
    value = {"lr": 0.1, "n": 3, "on": True, "none": None, "path": Path("a/b"), 1: (1, 2)}
    assert redacted(value) == {
        "lr": 0.1,
        "n": 3,
        "on": True,
        "none": None,
        "path": "a/b",
        "1": [1, 2],
    }


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ('+password = "hunter2x"', "+password = ***"),
        ('+    "api_key": "abcdef",', '+    "api_key": ***,'),
        ("+DB_PASSWORD=hunter2", "+DB_PASSWORD=***"),
        ("+password: hunter2  # mine", "+password: ***  # mine"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtn/K7MDENG", "AWS_SECRET_ACCESS_KEY=***"),
        ("x = f(AKIAABCDEFGHIJKLMNOP)", "x = f(***)"),
        ("sk-proj-0123456789abcdefghijkl", "***"),
        (f"hf_{'a' * 34}, ghp_{'b' * 36}", "***, ***"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nrest", "***\nrest"),
    ],
)
def test_a_text_loses_what_looks_like_a_secret(text: str, hidden: str) -> None:
    assert redacted_text(text) == hidden


@pytest.mark.parametrize(
    "text",
    [
        "+def f(token: Path, x: int) -> None:",
        "+    token = secrets.token_hex(4)",
        'tokenizer = "abcdef"',
        "token: str",
        "the password is in ~/.pgpass",
        "key=0123456789abcdef",
    ],
)
def test_code_that_only_speaks_of_secrets_stays(text: str) -> None:
    assert redacted_text(text) == text


def test_a_text_loses_the_values_of_secret_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtn/K7")
    monkeypatch.setenv("MY_TOKEN", "short")
    monkeypatch.setenv("EDITOR", "some-editor")
    text = "some-editor, wJalrXUtn/K7 and short"
    assert redacted_text(text) == "some-editor, *** and short"
