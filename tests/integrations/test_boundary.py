"""A hook of a callback never raises."""

import logging

import pytest

from stepwire.integrations import boundary
from stepwire.integrations.boundary import contained


@pytest.fixture(autouse=True)
def quiet_so_far(monkeypatch):
    """Nothing was warned of yet."""
    monkeypatch.setattr(boundary, "_warned_at", {})


def test_an_exception_is_told_once_and_goes_no_further(caplog):
    """The hook is named, with the traceback, once a minute; each call returns."""
    calls = []

    @contained
    def on_step(step, *, loud):
        calls.append((step, loud))
        raise ValueError("as planned")

    with caplog.at_level(logging.WARNING, logger="stepwire"):
        for step in range(3):
            on_step(step, loud=True)
    assert calls == [(0, True), (1, True), (2, True)]
    (line,) = caplog.records
    assert "on_step failed; training goes on" in line.getMessage()
    assert "as planned" in str(line.exc_info[1])


def test_ctrl_c_is_not_an_error_of_ours():
    """KeyboardInterrupt and SystemExit reach the training."""

    @contained
    def hook():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hook()
