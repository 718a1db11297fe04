"""A script that ``stepwire run`` has started: its first monitor joins the run that is there already."""

import os
from collections.abc import Mapping
from typing import Any

from stepwire.client.settings import DEFAULT_URL, RUN_ID, ClientSettings, read_url
from stepwire.system import process_space

JOIN = "STEPWIRE_JOIN"
"""Holds the run's id and, behind a blank, where its processes are sampled already."""

_joined_in = 0


def invitation(run_id: str) -> dict[str, str]:
    """Return what the environment of a command has to hold."""
    return {JOIN: f"{run_id} {process_space()}"}


def accept(
    settings: ClientSettings, arguments: Mapping[str, Any], environment: Mapping[str, str] = os.environ
) -> ClientSettings:
    """Return the settings with which a monitor joins, or those that it has.

    It makes a run of its own with a ``run_id`` or another server, and when it is not the first of its process: the
    runs of a search over settings are not one.
    """
    global _joined_in  # noqa: PLW0603 - once for a process, whoever makes the monitors
    told, _, space = environment.get(JOIN, "").partition(" ")
    is_wanted = settings.enabled or settings.silent
    if not RUN_ID.fullmatch(told) or not is_wanted or arguments.get("run_id") is not None or _joined_in == os.getpid():
        return settings
    if settings.page_url != read_url(environment.get("STEPWIRE_URL") or DEFAULT_URL)[1]:
        return settings
    _joined_in = os.getpid()
    is_sampled = space == process_space() and arguments.get("system_metrics_interval") is None
    return settings._replace(
        run_id=told,
        joins=True,
        of_command=True,
        enabled=True,
        silent=False,
        system_metrics_interval=0.0 if is_sampled else settings.system_metrics_interval,
    )
