"""What control groups let this process have: memory and processor time, in versions 1 and 2.

The tightest limit on the way from the process's own group up to the mount counts. Inside a container the groups
of the host are out of sight; the container's own is the uppermost there is.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NO_LIMIT = 2**60  # version 1 writes a number near 2**63 where nothing limits
_RUNTIMES = ("/docker/", "docker-", "kubepods", "libpod", "crio-", "cri-containerd", "lxc")


@dataclass(frozen=True, slots=True)
class Memory:
    """A limit in bytes, and what the group that has it uses, without files that can be dropped at once."""

    limit: int
    used: int


@dataclass(frozen=True, slots=True)
class _Mount:
    """Where a hierarchy is mounted, and which of its groups is seen there."""

    folder: Path
    group: str
    controllers: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Names:
    """Files of a version. ``inactive`` is a line of ``memory.stat``."""

    limit: str
    used: str
    inactive: str


_VERSIONS = (
    ("", _Names("memory.max", "memory.current", "inactive_file")),
    ("memory", _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")),
)


class ControlGroups:
    """The groups of this process, found once and read again with each question.

    Args:
        root: A folder in place of ``/``, for tests.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        mounts, own = list(_mounts(root)), _own_groups(root)
        self._levels = {controller: _levels(mounts, controller, group) for controller, group in own.items()}
        self.is_container = any(_is_inside(mount) for mount in mounts) or any(
            runtime in group for group in own.values() for runtime in _RUNTIMES
        )

    def memory(self) -> Memory | None:
        """Return the tightest limit of memory; ``None`` where nothing limits it."""
        found = [
            (limit, folder, names)
            for controller, names in _VERSIONS
            for folder in self._levels.get(controller, ())
            if (limit := _number(f"{folder}/{names.limit}")) is not None and limit < _NO_LIMIT
        ]
        if not found:
            return None
        limit, folder, names = min(found, key=lambda one: one[0])
        used = (_number(f"{folder}/{names.used}") or 0) - _line(f"{folder}/memory.stat", names.inactive)
        return Memory(limit, min(max(used, 0), limit))

    def cores(self) -> float | None:
        """Return the processor time that may be used, as a number of cores; ``None`` where nothing limits it."""
        return min((cores for cores, _ in self._quotas()), default=None)

    def cpu_seconds(self) -> float | None:
        """Return the processor time that the group with the tightest limit used so far; ``None`` without a limit."""
        quotas = self._quotas()
        if not quotas:
            return None
        _, folder = min(quotas, key=lambda one: one[0])
        if _words(f"{folder}/cpu.max"):
            return _line(f"{folder}/cpu.stat", "usage_usec") / 1e6
        # Version 1 counts in a hierarchy of its own, which seldom has the same levels: the own group's part of it.
        nanoseconds = next((_number(f"{level}/cpuacct.usage") for level in self._levels.get("cpuacct", ())), None)
        return None if nanoseconds is None else nanoseconds / 1e9

    def _quotas(self) -> list[tuple[float, str]]:
        """Each limit of processor time on the way up, in cores, with the folder of its group."""
        read = [(_words(f"{folder}/cpu.max"), folder) for folder in self._levels.get("", ())]
        read += [
            (_words(f"{folder}/cpu.cfs_quota_us") + _words(f"{folder}/cpu.cfs_period_us"), folder)
            for folder in self._levels.get("cpu", ())
        ]
        return [(cores, folder) for words, folder in read if (cores := _quota(words)) is not None]

    def cpus(self) -> frozenset[int] | None:
        """Return the numbers of the processors that the uppermost group in sight may use; ``None`` if not told."""
        for controller, name in (("", "cpuset.cpus.effective"), ("cpuset", "cpuset.effective_cpus")):
            for folder in self._levels.get(controller, ())[-1:]:
                if words := _words(f"{folder}/{name}"):
                    return _ranges(words[0])
        return None


def _levels(mounts: list[_Mount], controller: str, group: str) -> tuple[str, ...]:
    """Folders of a group in a hierarchy (``""`` for version 2) and of those above it, as far as they are in sight."""
    seen = [mount for mount in mounts if controller in mount.controllers]
    return tuple(str(folder) for mount in seen for folder in _upwards(mount, group))


def _is_inside(mount: _Mount) -> bool:
    """Whether what is mounted is not the machine's own root group, which lacks one file and has another."""
    if "" in mount.controllers:
        return (mount.folder / "cgroup.events").exists()
    return "memory" in mount.controllers and not (mount.folder / "cgroup.sane_behavior").exists()


def _mounts(root: Path) -> Iterator[_Mount]:
    for line in _lines(f"{root}/proc/self/mountinfo"):
        before, dash, after = line.partition(" - ")
        words, kind = before.split(), after.split()
        if dash and len(words) > 4 and len(kind) > 2 and kind[0] in {"cgroup", "cgroup2"}:
            controllers = {""} if kind[0] == "cgroup2" else set(kind[2].split(","))
            yield _Mount(root / words[4].lstrip("/"), words[3], frozenset(controllers))


def _own_groups(root: Path) -> dict[str, str]:
    """The path of this process's group per controller; that of version 2 under ``""``."""
    groups: dict[str, str] = {}
    for line in _lines(f"{root}/proc/self/cgroup"):
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        groups |= dict.fromkeys(controllers.split(","), path)
    return groups


def _upwards(mount: _Mount, group: str) -> Iterator[Path]:
    inside = group.removeprefix(mount.group) if mount.group != "/" else group
    folder = mount.folder / inside.lstrip("/")
    if ".." in folder.parts or not folder.is_dir():  # the group is out of sight: the container's own is at the mount
        folder = mount.folder
    yield folder
    while folder != mount.folder:
        folder = folder.parent
        yield folder


def _quota(words: list[str]) -> float | None:
    """Cores of ``QUOTA PERIOD``; ``max`` and -1 are none."""
    if len(words) < 2 or not words[0].isdigit() or not words[1].isdigit() or int(words[1]) == 0:
        return None
    return int(words[0]) / int(words[1])


def _ranges(text: str) -> frozenset[int]:
    """Numbers of ``0-3,8``."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            found.update(range(int(first), int(last if last.isdigit() else first) + 1))
    return frozenset(found)


def _line(path: str, name: str) -> int:
    for line in _lines(path):
        key, _, value = line.partition(" ")
        if key == name and value.isdigit():
            return int(value)
    return 0


def _number(path: str) -> int | None:
    words = _words(path)
    return int(words[0]) if words and words[0].isdigit() else None


def _words(path: str) -> list[str]:
    return " ".join(_lines(path)).split()


def _lines(path: str) -> list[str]:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - some are read with each sample
            return os.fsdecode(file.read()).splitlines()
    except OSError:  # the controller is not there, or may not be read: it sets no limit that we could tell
        return []
