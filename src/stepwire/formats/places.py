"""Where spools and rings lie on this machine. Only names are looked at, nothing waits for a network."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

NETWORK_TYPES = {
    *("nfs", "nfs4", "lustre", "gpfs", "cifs", "smb3", "smbfs", "beegfs", "ceph", "glusterfs", "afs", "9p", "panfs"),
    *("pvfs2", "orangefs", "fuse.sshfs", "fuse.glusterfs", "fuse.juicefs", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone"),
}
_MOUNTS = Path("/proc/self/mounts")


def spool_root(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of all spools: ``STEPWIRE_DIR``, else ``stepwire/spool`` in the user's data folder."""
    given = environment.get("STEPWIRE_DIR")
    if given:
        return Path(given).expanduser().absolute()
    home = Path(environment.get("HOME") or Path.home())
    if sys.platform == "darwin":
        data = home / "Library/Application Support"
    elif sys.platform == "win32":
        data = Path(environment.get("LOCALAPPDATA") or home / "AppData/Local")
    else:
        data = Path(environment.get("XDG_DATA_HOME") or home / ".local/share")
    return data / "stepwire" / "spool"


def ring_folders(root: Path) -> list[Path]:
    """Folders where a ring may lie, the best first: memory, then a local disk; never a network's folder."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    name = f"stepwire-{user}"
    shared = Path("/dev/shm")
    folders = [shared / name] if shared.is_dir() else []
    # Not tempfile.gettempdir(): it writes a file to try, and there may be no descriptor for that.
    temporary = Path(os.environ.get("TMPDIR") or os.environ.get("TEMP") or "/tmp")
    return folders + [place for place in (root / ".rings", temporary / name) if not is_network(place)]


def make_private(folder: Path) -> bool:
    """Make a folder that only this user may enter; ``False`` when it can't be made or is somebody else's."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return False
    is_ours = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return is_ours and folder.is_dir() and not folder.is_symlink() and not status.st_mode & 0o077


def is_network(path: Path, mounts: str | None = None) -> bool:
    """Whether a path lies on a file system of a network, where locks may hang; unknown counts as local.

    Args:
        mounts: The table of mounts, as ``/proc/self/mounts`` shows it; read when left out.
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(errors="replace")
        except OSError:  # not Linux
            return False
    best, kind = -1, ""
    wanted = f"{path}/"
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ").rstrip("/") + "/"
        if wanted.startswith(point) and len(point) >= best:
            best, kind = len(point), fields[2]
    return kind in NETWORK_TYPES


def boot_id() -> str:
    """Identity of this boot of the machine, so that monotonic times and process ids compare; empty if unknown."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip().decode()
    except OSError:
        return ""
