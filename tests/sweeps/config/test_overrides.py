"""The words of a command line are read as Hydra reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, given
from hypothesis import strategies as st

from sweeps.config.overrides import (
    as_list,
    assignments,
    key_of,
    literal,
    replaced,
    results_of,
    split,
    value_given,
    value_of,
)
from trainers.errors import ConfigError

PARSER = OverridesParser.create()
PARTS = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True)
KEYS = st.lists(PARTS, min_size=1, max_size=3).map(".".join)
SIGNS = st.sampled_from(["", "+", "++", "~"])
#: Values with signs of equality among them, as in a path or an expression.
VALUES = st.sampled_from(["1", "a=b", "tag(log,interval(1e-4,1))", "[1,2]", "", "'x y'", "{a:1}"])
#: Few keys, so that some lie below others.
NEAR = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=3).map(".".join)
WORDS = st.builds("{}{}={}".format, SIGNS.filter(lambda sign: sign != "~"), NEAR, VALUES)


@given(SIGNS, KEYS, VALUES)
def test_a_word_is_a_key_and_a_value(sign: str, key: str, value: str) -> None:
    word = f"{sign}{key}={value}"
    assert (key_of(word), value_of(word)) == (key, "x y" if value == "'x y'" else value)


@given(SIGNS, KEYS, VALUES.filter(bool))
def test_the_key_is_the_one_that_hydra_finds(sign: str, key: str, value: str) -> None:
    word = f"{sign}{key}={value}" if value != "a=b" else f"{sign}{key}='a=b'"
    assert key_of(word) == PARSER.parse_override(word).key_or_group


@given(KEYS)
def test_what_is_deleted_has_a_key_and_no_value(key: str) -> None:
    assert (key_of(f"~{key}"), value_of(f"~{key}")) == (key, "")


@given(st.lists(st.one_of(PARTS, WORDS, PARTS.map("~{}".format))))
def test_split_keeps_every_word_in_its_order(words: list[str]) -> None:
    names, overrides = split(words)
    assert sorted([*names, *overrides]) == sorted(words)
    assert names == [word for word in words if word in names]
    assert overrides == [word for word in words if word in overrides]
    assert not any("=" in name or name.startswith("~") for name in names)
    assert all("=" in word or word.startswith("~") for word in overrides)


@given(st.lists(WORDS), st.lists(WORDS))
def test_fresh_words_replace_their_like_and_what_is_below(
    words: list[str], fresh: list[str]
) -> None:
    found = replaced(words, fresh)
    kept = found[: len(found) - len(fresh)]
    assert found[len(kept) :] == fresh
    keys = {key_of(word) for word in fresh}

    def taken(word: str) -> bool:
        parts = key_of(word).split(".")
        return any(".".join(parts[:n]) in keys for n in range(1, len(parts) + 1))

    assert kept == [word for word in words if not taken(word)]
    assert replaced(found, fresh) == found, "once is enough"


def test_a_key_above_is_kept() -> None:
    assert replaced(["a=1", "a.b=2", "ab=3", "a.b.c=4"], ["a.b=5"]) == ["a=1", "ab=3", "a.b=5"]
    assert replaced(["+a.b=2", "~a.c"], ["a=x"]) == ["a=x"]


@given(st.lists(WORDS), NEAR)
def test_the_last_of_several_values_counts(words: list[str], key: str) -> None:
    values = [value_of(word) for word in words if key_of(word) == key]
    assert value_given(words, key) == (values[-1] if values else None)


@pytest.mark.parametrize("value", [1, 0.5, True, None, "a b", "1", [1, "x"], {"a": [None]}])
def test_assignments_are_read_back_by_hydra(value: object) -> None:
    [word] = assignments({"k.x": value})
    override = PARSER.parse_override(word)
    assert override.key_or_group == "k.x"
    assert override.value() == value


class TestFromSweep:
    @pytest.mark.parametrize(
        ("word", "expected"),
        [
            ("from_sweep=a,b", "from_sweep=[a,b]"),
            ("from_sweep='a b',c", 'from_sweep=["a b",c]'),
            ("from_sweep=a", "from_sweep=a"),
            ("from_sweep=[a,b]", "from_sweep=[a,b]"),
            ("model.width=1,2", "model.width=1,2"),
        ],
    )
    def test_several_names_are_a_list(self, word: str, expected: str) -> None:
        assert as_list(word, PARSER) == expected

    @pytest.mark.parametrize("word", ["from_sweep=range(1,3)", "from_sweep=interval(0,1)"])
    def test_a_range_is_refused(self, word: str) -> None:
        with pytest.raises(ConfigError, match="name previous sweeps, from_sweep=a,b"):
            as_list(word, PARSER)


class TestLiteral:
    @given(
        st.sampled_from(["name", "results", "study", "data.root", "data.cache"]),
        st.text("""ab=[]{}(),.:'"\\$`#*~&;|<>% é/""", min_size=1, max_size=12),
    )
    def test_a_name_or_a_path_is_what_was_written(self, key: str, text: str) -> None:
        assume(text[0] not in ("'", '"') and text.strip() == text)
        [word] = literal([f"{key}={text}"])
        override = PARSER.parse_override(word)
        if key.startswith("data.") and word == f"{key}={text}":
            return  # a value of Hydra's grammar, as it was
        assert override.value() == text
        assert value_of(word) == text

    @pytest.mark.parametrize(
        ("word", "expected"),
        [
            ("results=/data/müller", 'results="/data/müller"'),
            ('results="/data/müller"', 'results="/data/müller"'),
            ("results='a b'", "results='a b'"),
            ("name=1e3", 'name="1e3"'),
            ("name=null", "name=null"),
            ("study=null", "study=null"),
            ("++data.root=/home/andré", '++data.root="/home/andré"'),
            ("data.root=a,b", "data.root=a,b"),
            ("optimizer.lr=é", "optimizer.lr=é"),
            ("~name", "~name"),
        ],
    )
    def test_the_rest_is_left_as_it_is(self, word: str, expected: str) -> None:
        assert literal([word]) == [expected]

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ([], "results"),
            (["results=/a b"], "/a b"),
            (['results="/a b"'], "/a b"),
            (["results=[x],y=1"], "[x],y=1"),
            (["results=a", "results=b"], "b"),
            (["results=~/r"], str(Path.home() / "r")),
        ],
    )
    def test_the_folder_of_results(self, words: list[str], expected: str) -> None:
        assert str(results_of(words)) == expected
