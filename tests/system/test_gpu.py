"""The GPUs of a host together."""

import pytest
from tests.system.nvml_driver import FULL, Card, Driver, plug_in
from tests.system.test_amd import fake_amdsmi

from stepwire.system import bindings, gpu
from stepwire.system.gpu import Gpus


@pytest.fixture(autouse=True)
def _machine_numbers(monkeypatch):
    """Process ids are those of the machine, whatever the tests run in."""
    monkeypatch.setattr(gpu, "sees_all_processes", lambda: True)


def test_gpus_of_two_makers_are_numbered_one_after_the_other(monkeypatch):
    """NVIDIA's first."""
    plug_in(monkeypatch, Driver(Card(answers=FULL), Card(answers=FULL)))
    monkeypatch.setattr(bindings, "amdsmi", fake_amdsmi())
    assert [(each.index, each.name[:6]) for each in Gpus().sample()] == [(0, "NVIDIA"), (1, "NVIDIA"), (2, "AMD In")]


def test_memory_of_a_run_is_that_of_all_its_processes(monkeypatch):
    """What others hold does not count; a GPU that only others use is left out."""
    first = Card(answers=FULL, processes={"compute": [(10, 500), (11, 30), (99, 7)]})
    second = Card(answers=FULL, processes={"compute": [(99, 5)]})
    plug_in(monkeypatch, Driver(first, second))
    gpus = Gpus()
    assert gpus.memory_of({10, 11, 12}, {}) == {0: 530}
    assert gpus.memory_of({10, 11, 12}, {}, known=gpus.sample()) == {0: 530}


def test_gpus_that_the_environment_names_are_told_before_they_are_used(monkeypatch):
    """With 0 bytes; not where the driver does not tell who uses it."""
    plug_in(monkeypatch, Driver(Card(answers=FULL, processes={"compute": []}), Card(answers=FULL)))
    assert Gpus().memory_of({10}, {"CUDA_VISIBLE_DEVICES": "0,1"}) == {0: 0}


def test_in_a_container_nothing_found_means_nothing_known(monkeypatch):
    """A driver may number processes as the machine does: 0 bytes would be a guess."""
    monkeypatch.setattr(gpu, "sees_all_processes", lambda: False)
    plug_in(monkeypatch, Driver(Card(answers=FULL, processes={"compute": [(10, 500)]})))
    assert Gpus().memory_of({11}, {"CUDA_VISIBLE_DEVICES": "0"}) == {}
    assert Gpus().memory_of({10}, {"CUDA_VISIBLE_DEVICES": "0"}) == {0: 500}


def test_lost_gpus_are_known_by_number_and_model(monkeypatch):
    """Also when only their processes were asked for."""
    first, second = Card(answers=FULL), Card(answers=FULL, name="Other")
    plug_in(monkeypatch, Driver(first, second))
    gpus = Gpus()
    assert gpus.lost() == {}
    second.lost = True
    gpus.memory_of({1}, {})
    assert gpus.lost() == {1: "Other"}
    assert gpus.is_visible(1, {})
    assert not gpus.is_visible(1, {"CUDA_VISIBLE_DEVICES": "0"})


def test_a_crowd_on_a_gpu_is_cut(monkeypatch):
    """The 64 largest are told."""
    crowd = [(pid, pid * 10) for pid in range(1, 101)]
    plug_in(monkeypatch, Driver(Card(answers=FULL, processes={"compute": crowd})))
    (one,) = Gpus().sample()
    assert [user.pid for user in one.processes] == list(range(100, 36, -1))
