"""Config and metadata become bounded JSON."""

import argparse
import enum
import json
import math
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwire.client import redaction
from stepwire.client.document import document

LIMIT = 100_000


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Options:
    lr: float
    path: Path


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_what_json_knows_stays():
    """Text, numbers, booleans, null, lists and dicts come out as they went in."""
    config = {"a": 1, "b": 2.5, "c": True, "d": None, "e": "é", "f": [1, [2, {"g": 3}]]}
    assert document(config, LIMIT) == config


def test_what_json_does_not_know_becomes_text_or_its_plain_value():
    """Paths, enums, NumPy scalars, sets, dataclasses and classes have a readable form."""
    config = {
        "path": Path("/data/x"),
        "colour": Colour.RED,
        "scalar": np.float32(0.5),
        "zero_d": np.array(7),
        "array": np.arange(3),
        "set": {1},
        "tuple": (1, 2),
        "options": Options(0.1, Path("y")),
        "type": int,
        "broken": Broken(),
        "bytes": b"\xff",
    }
    written = document(config, LIMIT)
    assert written == {
        "path": "/data/x",
        "colour": "red",
        "scalar": 0.5,
        "zero_d": 7,
        "array": "[0 1 2]",
        "set": [1],
        "tuple": [1, 2],
        "options": {"lr": 0.1, "path": "y"},
        "type": "<class 'int'>",
        "broken": "<Broken>",
        "bytes": "b'\\xff'",
    }


def test_numbers_that_are_not_finite_travel_as_text():
    """NaN and both infinities have one spelling, at any depth."""
    config = {"a": math.nan, "b": [math.inf, {"c": -math.inf}]}
    assert document(config, LIMIT) == {"a": "NaN", "b": ["Infinity", {"c": "-Infinity"}]}


def test_integers_beyond_64_bits_become_text():
    """A number that the wire cannot carry is kept readable."""
    written = document({"small": 2**63 - 1, "large": 2**64, "huge": 10**6000}, LIMIT)
    assert written["small"] == 2**63 - 1
    assert written["large"] == hex(2**64)
    assert len(written["huge"]) <= 1000


@pytest.mark.parametrize("config", [argparse.Namespace(lr=0.1, path=Path("y")), Options(0.1, Path("y"))])
def test_objects_with_attributes_are_configs(config):
    """A dataclass or an argparse.Namespace is taken by its attributes."""
    assert document(config, LIMIT) == {"lr": 0.1, "path": "y"}


@pytest.mark.parametrize("config", [3, "text", [1], Options, (1, 2)])
def test_other_things_are_misuse(config):
    """A config is a dict or an object with attributes; the error names the field."""
    with pytest.raises(TypeError, match="metadata"):
        document(config, LIMIT, "metadata")


def test_text_that_cannot_be_stored_is_escaped():
    """Lone surrogates and NUL are written as escapes, in keys as well."""
    written = document({"a\ud800": "b\0c"}, LIMIT)
    assert written == {"a\\ud800": "b\\x00c"}


def test_secrets_are_hidden_at_any_depth():
    """A token inside a nested config never leaves."""
    assert document({"hub": {"token": "t0ps3cret"}}, LIMIT) == {"hub": {"token": "[redacted]"}}
    key = "sk-abcdefghijklmnopqrstuvwxyz0123456789ABCDEF"
    for value in ([key], (1, [key]), {key}, Path(f"/run/{key}"), deque([key]), {"inner": [{"deep": key}]}):
        assert key not in json.dumps(document({"value": value}, LIMIT)), value


def test_megabytes_of_text_are_not_looked_through(monkeypatch):
    """What is cut anyway costs nothing; a secret before the cut is hidden."""
    text = "password=hunter2hunter2 " + "x" * 50_000_000
    seen = []
    true = redaction.redact_text
    monkeypatch.setattr(redaction, "redact_text", lambda text: seen.append(len(text)) or true(text))
    found = document({"prompt": text, "list": [text]}, LIMIT)
    assert max(seen) < 200_000
    assert found["prompt"].startswith("password=[redacted] xxx") and len(found["prompt"]) < 100_000
    assert found["list"][0] == found["prompt"]


def test_the_users_config_is_not_changed():
    """Writing a document leaves the original as it was."""
    config = {"a": {"token": "x"}, "b": [math.nan, {1, 2}]}
    before = repr(config)
    document(config, LIMIT)
    assert repr(config) == before


def test_cycles_and_deep_nesting_end():
    """A dict that holds itself, and one nested 1,000 deep, are cut at a depth that the server takes."""
    cycle: dict = {}
    cycle["self"] = [cycle, cycle]
    deep: dict = {}
    for _ in range(1000):
        deep = {"d": deep}
    for config in (cycle, deep):
        text = json.dumps(document(config, LIMIT), ensure_ascii=False)
        assert "…" in text
        assert len(text) < 2 * LIMIT


def test_size_is_bounded():
    """A config of many megabytes is cut to about its limit, and says so."""
    written = document({f"key{place}": "x" * 1000 for place in range(10_000)}, LIMIT)
    assert len(json.dumps(written)) < 2 * LIMIT
    assert written["…"] == "…"


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
    max_leaves=30,
)


@given(st.dictionaries(st.text(), json_like, max_size=5))
def test_every_document_is_strict_json(config):
    """Whatever goes in, what comes out is JSON without NaN tokens, in valid UTF-8."""
    text = json.dumps(document(config, LIMIT), allow_nan=False, ensure_ascii=False)
    assert text.encode("utf-8")
