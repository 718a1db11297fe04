"""Which machine this is, and which process."""

import os

import psutil

from stepwire.system.identity import machine_id, process_start, sees_all_processes
from stepwire.system.rates import Rates


def test_a_process_is_named_by_its_start():
    """Start times are seconds since 1970 as psutil tells them; a process that is gone has none."""
    assert process_start() == process_start(os.getpid()) == psutil.Process().create_time()
    assert process_start(2**22 + 12345) is None


def test_a_machine_is_named_by_its_id_else_by_its_boot(tmp_path):
    """An image that was not set up yet has no id of its own."""
    assert machine_id(tmp_path) == ""
    boot = tmp_path / "proc/sys/kernel/random/boot_id"
    boot.parent.mkdir(parents=True)
    boot.write_text("1b2c-boot\n")
    assert machine_id(tmp_path) == "1b2c-boot"
    (tmp_path / "etc").mkdir()
    for known, expected in (("uninitialized\n", "1b2c-boot"), ("", "1b2c-boot"), ("abc123\n", "abc123")):
        (tmp_path / "etc/machine-id").write_text(known)
        assert machine_id(tmp_path) == expected


def test_whether_processes_have_the_machines_numbers_is_known():
    """True or False, whatever the tests run in, and the same each time."""
    assert sees_all_processes() is sees_all_processes()
    assert isinstance(sees_all_processes(), bool)


def test_rates_are_per_second_and_never_negative():
    """A counter that fell, as one that wrapped, grew by nothing; one that is hidden is not told."""
    readings = [(0.0, 100.0), (30.0, 50.0), None, (40.0, 60.0), (60.0, 90.0)]
    rates = Rates(lambda: readings.pop(0))
    rates._at -= 10
    first, second = rates.take()
    assert 2.9 < first <= 3.0
    assert second == 0
    assert rates.take() is None
    assert rates.take() is None
    rates._at -= 10
    assert 1.9 < rates.take()[0] <= 2.0
