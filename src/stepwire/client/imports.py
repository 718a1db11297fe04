"""Loads what only the SDK's threads need, and never while the process forks.

An import in a thread holds the lock of that module. A child that is forked in this moment would inherit the
lock without the thread, and wait for ever at its own import. Modules that hook into fork themselves, such as
``logging``, are imported with the SDK: their hooks must not appear while a fork waits for this module's.
"""

import importlib
import os
import threading

_PATIENCE_SECONDS = 10.0
_guard = threading.RLock()  # re-entrant: a module may fork while it is imported
_fork = threading.local()


def load(*modules: str) -> None:
    """Import modules, all of them before or after a fork; a missing one raises ImportError."""
    with _guard:
        for module in modules:
            importlib.import_module(module)


def _before_fork() -> None:
    _fork.holds_guard = _guard.acquire(timeout=_PATIENCE_SECONDS)


def _after_fork_in_parent() -> None:
    if _fork.holds_guard:
        _guard.release()


def _after_fork_in_child() -> None:
    global _guard  # noqa: PLW0603 - the inherited lock may belong to a thread that does not exist here
    _guard = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
