"""Which process of a distributed training this is, and what all of its processes know without talking to each other.

Launchers tell by environment variables. A variable that makes no sense counts as not set: it is not the script's.
"""

import os
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from stepwire.client.notice import warn
from stepwire.system import process_space, process_start

MARK = "STEPWIRE_RANK_PROCESS"
"""Set in a rank that has a monitor, so that programs which it starts are not taken for ranks."""

_SRUN = "SLURM_PROCID"
# rank, number of ranks, rank on this host, ranks on this host. An outer launcher comes after those it starts.
_LAUNCHERS = (
    ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"),  # torchrun, Accelerate, DeepSpeed, Kubeflow
    ("HOROVOD_RANK", "HOROVOD_SIZE", "HOROVOD_LOCAL_RANK", "HOROVOD_LOCAL_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"),
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_LOCAL_RANK", "MV2_COMM_WORLD_LOCAL_SIZE"),
    ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
    (_SRUN, "SLURM_NTASKS", "SLURM_LOCALID", ""),
)
_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # compiled when it is needed: that takes a millisecond
_LEAST_SPECIAL_STEP = 0xFFFF_FFF0  # Slurm's numbers for what is no `srun`: batch script, interactive shell, …

_made: Counter[tuple[str, ...]] = Counter()
_has_warned = False


class Place(NamedTuple):
    """A process's place in its launch.

    Attributes:
        rank: Its number, from 0.
        world_size: How many there are.
        local_rank: Its number on its host, ``None`` when nobody tells.
        launch: What all ranks of this launch know and those of no other; empty when nothing says that for sure.
        attempt: 1, and one more for each time that torchrun has started the ranks again.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int | None = None
    launch: tuple[str, ...] = ()
    attempt: int = 1


def read_place(environment: Mapping[str, str]) -> Place:
    """Return what the environment tells; rank 0 of 1 where nothing was launched, or by a rank itself."""
    for rank_name, size_name, local_name, local_size_name in _LAUNCHERS:
        rank = _number(environment, rank_name)
        size = _tasks(environment) if rank_name == _SRUN else _number(environment, size_name)
        if rank is None or size is None or rank >= size:
            continue
        if rank_name == _SRUN and (size == 1 or not _step(environment) or _is_interactive()):
            continue
        local_size = _number(environment, local_size_name) or _number(environment, "LOCAL_SIZE")
        launch = _launch(environment, size, is_one_host=local_size == size)
        if _is_started_by_rank(environment, launch):
            return Place()
        restarts = _number(environment, "TORCHELASTIC_RESTART_COUNT") or 0
        return Place(rank, size, _number(environment, local_name), launch, restarts + 1)
    return Place()


def shared_run_id(launch: tuple[str, ...], project: str, run_name: str) -> str:
    """Return the run id that every rank of a launch finds for its next run of this name."""
    from hashlib import sha256

    run = (*launch, project, run_name)
    ordinal = _made[run]
    _made[run] += 1
    return "run_" + sha256("\0".join((*run, str(ordinal))).encode()).hexdigest()[:32]


def mark(launch: tuple[str, ...]) -> None:
    """Have the programs that this rank starts know that they are none."""
    os.environ[MARK] = f"{os.getpid()} {_digest(launch)}"


def _is_started_by_rank(environment: Mapping[str, str], launch: tuple[str, ...]) -> bool:
    pid, _, digest = environment.get(MARK, "").partition(" ")
    return bool(launch and pid) and pid != str(os.getpid()) and digest == _digest(launch)


def _digest(launch: tuple[str, ...]) -> str:
    from hashlib import sha256

    return sha256("\0".join(launch).encode()).hexdigest()[:16]


def warn_silent(rank: int) -> None:
    """Say once that this rank logs nothing."""
    global _has_warned  # noqa: PLW0603 - once for a process, however many monitors it makes
    if not _has_warned:
        _has_warned = True
        warn(
            "rank %d logs nothing, for nothing tells which run it shares with rank 0; "
            "give all ranks the same run_id=, or set STEPWIRE_RUN_ID for them.",
            rank,
        )


def job(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what names this process's Slurm job; empty outside of one."""
    names = ("JOB_ID", "ARRAY_JOB_ID", "ARRAY_TASK_ID", "STEP_ID", "RESTART_COUNT", "JOB_NAME", "JOB_PARTITION")
    return {name.lower(): environment[f"SLURM_{name}"][:256] for name in names if environment.get(f"SLURM_{name}")}


# --- what a launch has for itself ------------------------------------------------------------------------


def _launch(environment: Mapping[str, str], size: int, *, is_one_host: bool) -> tuple[str, ...]:
    restarts = environment.get("SLURM_RESTART_COUNT", "0")
    if namespace := environment.get("PMIX_NAMESPACE"):
        return "pmix", namespace, environment.get("SLURM_JOB_ID", ""), restarts
    elastic, hosts = environment.get("TORCHELASTIC_RUN_ID", ""), _number(environment, "GROUP_WORLD_SIZE")
    if re.fullmatch(_UUID, elastic):
        return "torchrun", elastic
    error_file = environment.get("TORCHELASTIC_ERROR_FILE")
    if hosts == 1 and error_file:  # torchrun has a folder for each launch: <folder>/attempt_0/1/error.json
        return "torchrun", process_space(), str(Path(error_file).parent.parent.parent)
    if (step := _step(environment)) and _tasks(environment) in (size, hosts):
        return "slurm", environment.get("SLURM_JOB_ID", ""), step, restarts
    return ("host", process_space(), *_parent()) if is_one_host else ()


def _step(environment: Mapping[str, str]) -> str:
    """The ``srun`` that started this process; empty when none did."""
    step = _number(environment, "SLURM_STEP_ID")
    return "" if step is None or step >= _LEAST_SPECIAL_STEP else str(step)


def _tasks(environment: Mapping[str, str]) -> int | None:
    """How many processes ``srun`` started; the second variable may still be the allocation's."""
    return _number(environment, "SLURM_STEP_NUM_TASKS") or _number(environment, "SLURM_NTASKS")


def _parent() -> tuple[str, str]:
    """The process that started the ranks of this host, by its id and start, which together come only once."""
    parent = os.getppid()
    try:
        # The kernel's own figure: one in seconds may differ between two ranks that read it.
        fields = Path(f"/proc/{parent}/stat").read_bytes().rpartition(b")")[2].split()
        return str(parent), fields[19].decode()
    except OSError:  # not Linux
        return str(parent), str(process_start(parent))


def _number(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _is_interactive() -> bool:
    """Whether this is a shell or notebook, which a scheduler's variables surround but did not start."""
    return hasattr(sys, "ps1") or "ipykernel" in sys.modules
