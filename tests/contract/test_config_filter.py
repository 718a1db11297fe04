"""Runs by what their config holds, and the parts that a list in another order than the catalog's is made of."""

import pytest

from stepwire.errors import InvalidError
from stepwire.storage.catalog.interface import NewRun, RunFilter

CONFIGS = {
    "number": {"optim": {"lr": 1, "name": "adam"}, "odd": "\ud800"},
    "float": {"optim": {"lr": 1.0}},
    "true": {"optim": {"lr": True}},
    "false": {"optim": {"lr": False}},
    "text": {"optim": {"lr": "1"}},
    "null": {"optim": {"lr": None}},
    "small": {"optim": {"lr": 1e-3}},
    "object": {"optim": {"lr": {"a": 1}}},
    "scalar": {"optim": 1},
    "other": {"größe": "a:b", "name": 'say "hi"', "big": 2**60},
    "empty": {},
}


@pytest.fixture
def catalog(storage):
    """A catalog with a run per config, by name, the first made first."""
    for now, (name, config) in enumerate(CONFIGS.items()):
        new = NewRun(name, name, config=config)
        storage.writer.submit(lambda tx, new=new, now=now: storage.catalog.create_run(tx, new, now)).result(20)
    return storage.catalog


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("optim.lr:1", {"number", "float"}),
        ("optim.lr:1.0", {"number", "float"}),
        ("optim.lr:1e0", {"number", "float"}),
        ("optim.lr:0.001", {"small"}),
        ("optim.lr:true", {"true"}),
        ("optim.lr:false", {"false"}),
        ("optim.lr:null", {"null"}),
        ('optim.lr:"1"', {"text"}),
        ("optim.lr:0", set()),
        ("optim.lr:NaN", set()),
        ("optim.lr:1e999", set()),
        ('optim.lr:{"a":1}', set()),
        ("optim.name:adam", {"number"}),
        ("optim.name:Adam", set()),
        ("optim:1", {"scalar"}),
        ("optim.lr.a:1", {"object"}),
        ("größe:a:b", {"other"}),
        ('name:say "hi"', {"other"}),
        (f"big:{2**60}", {"other"}),
        (f"big:{2**60 + 1}", set()),
        ("nothing:x", set()),
        ("name:", set()),
    ],
)
def test_a_condition_on_the_config(catalog, condition, names):
    """A scalar equals its own kind only: 1 is 1.0 but neither true nor "1"; what isn't JSON is text."""
    assert {run.name for run in catalog.list_runs(RunFilter(config=(condition,)))[0]} == names
    assert catalog.matching(RunFilter(config=(condition,))) == names


def test_conditions_narrow_each_other(catalog):
    """All of them have to hold, with the other filters too."""
    assert catalog.matching(RunFilter(config=("optim.lr:1", "optim.name:adam"))) == {"number"}
    assert catalog.matching(RunFilter(config=("optim.lr:1",), text="flo")) == {"float"}
    assert catalog.matching(RunFilter(config=("optim.lr:1",)), ["number", "small", "none"]) == {"number"}
    assert catalog.matching(RunFilter(), ["number", "none"]) == {"number"}


@pytest.mark.parametrize("condition", ["optim.lr", "", ":1", "a..b:1", 'a"b:1', "a\\:1", "a:\0", "\0:1", 'a:"\\u0000"'])
def test_a_condition_that_cannot_be_is_refused_by_name(catalog, condition):
    """It never reaches the database."""
    with pytest.raises(InvalidError) as caught:
        catalog.matching(RunFilter(config=(condition,)))
    assert caught.value.field == "config"


def test_the_newest_come_first_behind_a_place(catalog):
    """Each run once, in order, and the rest behind any of them."""
    every = list(catalog.newest_first(RunFilter()))
    assert [run_id for run_id, _, _ in every] == list(CONFIGS)[::-1]
    for place, (_, created_at, number) in enumerate(every):
        assert list(catalog.newest_first(RunFilter(), (created_at, number))) == every[place + 1 :]
    assert [one[0] for one in catalog.newest_first(RunFilter(config=("optim.lr:1",)))] == ["float", "number"]


def test_runs_are_found_in_the_order_asked(catalog):
    """Those that are not there are left out."""
    assert [run.id for run in catalog.find_runs(["true", "none", "empty"])] == ["true", "empty"]
    assert catalog.find_runs([]) == []
