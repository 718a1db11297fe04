"""Python and the packages that a script can import."""

import os
import platform
import re
import sys
from collections.abc import Iterable
from typing import Any

from stepwire.client.document import clean

MAX_PACKAGES = 5000
_METADATA = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+?)(?:-py\d[\d.]*)?\.(?:dist-info|egg-info)$", re.IGNORECASE)
_SEPARATORS = re.compile(r"[-_.]+")


def describe_python() -> dict[str, Any]:
    """Return version, implementation and program of this Python, and the system that it runs on."""
    return {
        "version": sys.version.split()[0],
        "implementation": platform.python_implementation(),
        "executable": clean(sys.executable or "", 4096),
        "platform": _system(),
    }


def list_packages(path: Iterable[str] | None = None) -> dict[str, str]:
    """Return name → version of the packages on ``path`` (``sys.path`` when left out), sorted by name.

    Names are in their normal form: lower case, ``-`` between words. Of a package that is there twice the first counts,
    as for ``import``. Only the names of folders are read: opening the metadata of hundreds of packages would take
    the interpreter from the training for a tenth of a second.
    """
    found: dict[str, str] = {}
    for folder in sys.path if path is None else path:
        for name, version in _packages_in(folder or "."):
            found.setdefault(name, version)
    return dict(sorted(found.items())[:MAX_PACKAGES])


def _packages_in(folder: str) -> list[tuple[str, str]]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except OSError:  # a zip file, or a folder that is not there
        return []
    matches = (_METADATA.fullmatch(name) for name in names)
    return [(_normal(match["name"]), clean(match["version"], 128)) for match in matches if match]


def _normal(name: str) -> str:
    return clean(_SEPARATORS.sub("-", name).lower(), 256)


def _system() -> str:
    # Not platform.platform(): it starts a program on some systems.
    if not hasattr(os, "uname"):
        return sys.platform
    system = os.uname()
    return clean(f"{system.sysname} {system.release} {system.machine}", 256)
