"""Which machine this is, and which process."""

import os
from pathlib import Path

_FIRST_NAMESPACE = "pid:[4026531836]"  # the kernel's fixed name of the one that the machine boots with


def machine_id(root: Path = Path("/")) -> str:
    """Return the identity of this installation, else that of this boot; empty where the system tells neither.

    Containers may share it with their host and with each other: the host name belongs to it.
    """
    for place in ("etc/machine-id", "proc/sys/kernel/random/boot_id"):
        try:
            found = (root / place).read_bytes().strip().decode("ascii", "replace")
        except OSError:  # not on this system
            continue
        if found and found != "uninitialized":
            return found
    return ""


def installation_id() -> str:
    """Return the identity of this installation; empty where there is none that outlives a boot."""
    found = machine_id()
    return "" if process_space().startswith(f"{found}/") else found


def host_name() -> str:
    """Return this machine's name in its network, as ``socket.gethostname`` does, mostly without loading ``socket``."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import socket

    return socket.gethostname()


def sees_all_processes() -> bool:
    """Return whether processes have the same numbers here as on the machine: not so in most containers."""
    try:
        return str(Path("/proc/self/ns/pid").readlink()) == _FIRST_NAMESPACE
    except OSError:  # a system without such namespaces
        return True


def process_space() -> str:
    """Return the identity of what process ids count in: this boot and its PID namespace, else this host.

    A container that shares its host's name has ids of its own.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes().strip().decode()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux, or no file descriptor is free
        return host_name()


def process_start(pid: int | None = None) -> float | None:
    """Return when a process started, in seconds since 1970; ``None`` when there is no such process.

    With the process id it names a process for good: ids are used again. Compare with 2 s of tolerance, since
    the kernel's idea of the boot time moves with the clock.
    """
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
