"""What a ``TrainingMonitor`` was told, by arguments and by the environment, checked and frozen."""

import math
import operator
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from stepwire.client.ids import new_id
from stepwire.client.ranks import Place, read_place, shared_run_id
from stepwire.client.shown import shown
from stepwire.errors import InvalidError
from stepwire.formats.places import spool_root
from stepwire.limits import MAX_STEP

DEFAULT_URL = "ws://localhost:8000"
SYSTEM_METRICS_INTERVAL = 5.0
_SCHEMES = {"ws": ("ws", "http"), "http": ("ws", "http"), "wss": ("wss", "https"), "https": ("wss", "https")}
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NAME_CHARACTERS = 256
_NOTES_CHARACTERS = 64 * 1024
CAPTURES = frozenset(("console", "git", "packages", "hardware", "variables"))
_ON, _OFF = frozenset(("1", "on", "true", "yes", "all")), frozenset(("0", "off", "false", "no", "none"))


class ClientSettings(NamedTuple):
    """Checked settings of one run.

    Attributes:
        socket_url: Address of the server's ``/ws``.
        page_url: Address of the server's page, without user name, password or a slash at the end.
        rank: Number of this process in its distributed training.
        world_size: How many processes that has.
        launch: What the ranks of this launch have in common, see ``Place``.
        attempt: 1, and one more for each time that the launcher has started the ranks again.
        per_rank: Whether every rank logs all metrics, not only rank 0.
        joins: Whether another process owns the run: then this one sets no status and prints no link.
        of_command: Whether that is ``stepwire run``, which has started this script.
        silent: Whether nothing is kept because nothing tells which run this rank belongs to.
        system_metrics_interval: Seconds between two samples of host and processes; 0 for none.
        enabled: False for ``mode="disabled"``: arguments are checked, nothing is kept or sent.
        offline: Whether nothing is sent: the spool keeps all of it.
        spool: Folder of all spools of this user.
        captures: What is found out without being logged: ``console``, ``git``, ``packages``, ``hardware``,
            ``variables``.
    """

    run_name: str
    run_id: str
    project: str
    socket_url: str
    page_url: str
    group: str | None = None
    tags: tuple[str, ...] = ()
    notes: str | None = None
    total_steps: int | None = None
    rank: int = 0
    world_size: int = 1
    launch: tuple[str, ...] = ()
    attempt: int = 1
    per_rank: bool = False
    joins: bool = False
    of_command: bool = False
    silent: bool = False
    api_key: str | None = None
    system_metrics_interval: float = SYSTEM_METRICS_INTERVAL
    enabled: bool = True
    offline: bool = False
    spool: Path = Path()
    captures: frozenset[str] = frozenset()


def read_settings(
    run_name: str, arguments: Mapping[str, Any], environment: Mapping[str, str] = os.environ
) -> ClientSettings:
    """Merge the arguments of ``TrainingMonitor`` with ``STEPWIRE_*``; an argument wins.

    Raises:
        TypeError: An argument is of the wrong type.
        InvalidError: An argument or a variable has a value that cannot be used; ``field`` names it.
    """
    url, url_field = _first(arguments, "dashboard_url", environment, "STEPWIRE_URL", DEFAULT_URL)
    socket_url, page_url = read_url(url, url_field)
    project, project_field = _first(arguments, "project", environment, "STEPWIRE_PROJECT", "default")
    # A shared folder and no address: somebody else tails the folder.
    usual = "offline" if environment.get("STEPWIRE_DIR") and url is DEFAULT_URL else "online"
    mode = _mode(*_first(arguments, "mode", environment, "STEPWIRE_MODE", usual))
    place = _place(arguments, environment)
    known_id = _run_id(*_first(arguments, "run_id", environment, "STEPWIRE_RUN_ID", ""))
    silent = mode != "disabled" and place.rank > 0 and not (known_id or place.launch)
    array = environment.get("SLURM_ARRAY_JOB_ID")
    settings = ClientSettings(
        run_name=text("run_name", run_name, most=_NAME_CHARACTERS),
        run_id=known_id or new_id("run"),
        project=text(project_field, project, most=_NAME_CHARACTERS),
        socket_url=socket_url,
        page_url=page_url,
        group=_optional_text("group", arguments.get("group") or (array and f"slurm-{array}"), most=_NAME_CHARACTERS),
        tags=_tags(arguments.get("tags", ())),
        notes=_optional_text("notes", arguments.get("notes"), most=_NOTES_CHARACTERS),
        total_steps=total_steps(arguments.get("total_steps")),
        rank=place.rank,
        world_size=place.world_size,
        launch=place.launch,
        attempt=place.attempt,
        per_rank=_flag("per_rank", arguments.get("per_rank")),
        joins=place.rank > 0,
        silent=silent,
        api_key=read_token(arguments.get("api_key") or environment.get("STEPWIRE_API_KEY") or token_of(url), "api_key"),
        system_metrics_interval=_interval(arguments.get("system_metrics_interval"), environment),
        enabled=mode != "disabled" and not silent,
        offline=mode == "offline",
        spool=spool_root(environment),
        captures=_captures(arguments.get("capture_output"), environment.get("STEPWIRE_CAPTURE", "")),
    )
    if known_id or not place.launch:
        return settings
    return settings._replace(run_id=shared_run_id(place.launch, settings.project, settings.run_name))


def _place(arguments: Mapping[str, Any], environment: Mapping[str, str]) -> Place:
    """Where arguments and launcher put this process. ``world_size=1`` makes each process one for itself."""
    told = read_place(environment)
    rank = _count("rank", arguments.get("rank"), least=0, default=told.rank)
    given = arguments.get("world_size")
    size = _count("world_size", given, least=1, default=max(told.world_size, rank + 1))
    if given is not None and arguments.get("rank") is not None and rank >= size:
        raise InvalidError(f"rank must be below world_size, which is {size}, not {rank}.", field="rank")
    return Place() if given is not None and size == 1 else told._replace(rank=rank, world_size=size)


def for_joining(settings: ClientSettings) -> ClientSettings:
    """Return the settings of a further writer of the run, in another process.

    The token goes along only to a process that ``multiprocessing`` is starting now, as a pickled monitor may also end
    in a file; elsewhere ``STEPWIRE_API_KEY`` holds.
    """
    context = sys.modules.get("multiprocessing.context")
    is_starting = context is not None and context.get_spawning_popen() is not None
    api_key = settings.api_key if is_starting else None
    return settings._replace(joins=True, launch=(), system_metrics_interval=0.0, api_key=api_key)


def read_url(url: object, field: str = "dashboard_url") -> tuple[str, str]:
    """Return the addresses of the socket and of the page for a ``ws``, ``wss``, ``http`` or ``https`` address.

    A path prefix is kept, as a proxy of a notebook server has one.
    """
    parts = urlsplit(text(field, url, most=2048))
    schemes = _SCHEMES.get(parts.scheme)
    try:
        port = parts.port
    except ValueError as error:
        raise InvalidError(f"{field} has no usable port: {error}.", field=field) from error
    if schemes is None or not parts.hostname or any(c.isspace() for c in parts.netloc):
        known = f"{DEFAULT_URL} (ws, wss, http or https)"
        told = shown(str(url).partition("#")[0].rpartition("@")[2])  # no token, no password
        raise InvalidError(f"{field} must look like {known}, not {told}.", field=field)
    path = parts.path.rstrip("/")
    if parts.query or (parts.fragment and not parts.fragment.startswith("t=")):
        raise InvalidError(f"{field} must end before the '?' or '#', as in {DEFAULT_URL}.", field=field)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    bare = host if port is None else f"{host}:{port}"
    return urlunsplit((schemes[0], parts.netloc, path + "/ws", "", "")), urlunsplit((schemes[1], bare, path, "", ""))


def token_of(url: object) -> str:
    """Return the token of a link that ``stepwire up`` has printed (``…/#t=TOKEN``), else nothing."""
    fragment = urlsplit(url).fragment if isinstance(url, str) else ""
    return fragment[2:] if fragment.startswith("t=") else ""


def read_token(value: object, field: str) -> str | None:
    """Return a token without the spaces and newlines around it, ``None`` for none."""
    found = _optional_text(field, value)
    if found is None:
        return None
    if not all("!" <= character <= "~" for character in found.strip()):  # never shown, not even in part
        raise InvalidError(f"{field} is no token: it has characters that no token has, such as spaces.", field=field)
    return found.strip()


def sync_command(settings: ClientSettings) -> str:
    """The command that delivers what this run has kept, as it works in any shell on this machine."""
    import shlex

    told = ["stepwire sync"]
    if settings.spool != spool_root({**os.environ, "STEPWIRE_DIR": ""}):
        told.append(f"--dir {shlex.quote(str(settings.spool))}")
    if settings.page_url != read_url(DEFAULT_URL)[1]:
        told.append(f"--to {shlex.quote(settings.page_url)}")
    return " ".join(told)


def text(field: str, value: object, most: int = 4096) -> str:
    """Return a non-empty string of at most ``most`` characters that can be written as UTF-8."""
    if not isinstance(value, str):
        raise TypeError(f"{field} must be a string, not {type(value).__name__}")
    if not value.strip():
        raise InvalidError(f"{field} must not be empty.", field=field)
    if len(value) > most:
        raise InvalidError(f"{field} has {len(value)} characters; {most} are allowed.", field=field)
    if "\0" in value or _has_surrogate(value):
        raise InvalidError(f"{field} has characters that cannot be stored (NUL or half a UTF-16 pair).", field=field)
    return value


def total_steps(value: object) -> int | None:
    """Return the planned number of steps, ``None`` when it is not known."""
    return None if value is None else _count("total_steps", value, least=1, default=1)


def _has_surrogate(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)


def _first(
    arguments: Mapping[str, Any], name: str, environment: Mapping[str, str], variable: str, default: str
) -> tuple[Any, str]:
    if arguments.get(name) is not None:
        return arguments[name], name
    return environment.get(variable) or default, variable


def _optional_text(field: str, value: object, most: int = 4096) -> str | None:
    return None if value is None or value == "" else text(field, value, most)


def _run_id(value: object, field: str) -> str:
    """Return the id that was given, ``""`` for none."""
    if value == "" and field != "run_id":
        return ""
    if not RUN_ID.fullmatch(text(field, value)):
        raise InvalidError(
            f"{field} {shown(value)} must be 1 to 64 letters, digits, '_' or '-', beginning with a letter or digit.",
            field=field,
        )
    return str(value)


def _flag(field: str, value: object) -> bool:
    if not (value is None or isinstance(value, bool)):
        raise TypeError(f"{field} must be True or False, not {type(value).__name__}")
    return bool(value)


def _tags(value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"tags must be a list of strings, not {type(value).__name__}")
    return tuple(text(f"tags[{place}]", tag, most=_NAME_CHARACTERS) for place, tag in enumerate(value))


def _count(field: str, value: object, least: int, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{field} must be a whole number, not {type(value).__name__}")
    try:
        number = operator.index(value)
    except Exception as error:
        raise TypeError(f"{field} can't be read as a whole number: {type(error).__name__}") from error
    if not least <= number <= MAX_STEP:
        raise InvalidError(f"{field} must be at least {least} and at most 2**53.", field=field)
    return int(number)


def _interval(value: object, environment: Mapping[str, str]) -> float:
    field = "system_metrics_interval"
    if value is None:
        told = environment.get("STEPWIRE_SYSTEM_METRICS_INTERVAL")
        if not told:
            return SYSTEM_METRICS_INTERVAL
        field, value = "STEPWIRE_SYSTEM_METRICS_INTERVAL", _number(told)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{field} must be seconds, not {type(value).__name__}")
    if not math.isfinite(value) or value < 0:
        raise InvalidError(f"{field} must be 0 (off) or more seconds.", field=field)
    return float(value)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _captures(output: object, told: str) -> frozenset[str]:
    """What to capture: all of it or none, or the parts that the variable names; an argument wins for the output."""
    if output is not None and not isinstance(output, bool):
        raise TypeError(f"capture_output must be True or False, not {type(output).__name__}")
    words = frozenset(word.strip().lower() for word in told.split(",") if word.strip()) or frozenset(("1",))
    if words <= _ON:
        chosen = CAPTURES
    elif words <= _OFF:
        chosen = frozenset()
    elif words <= CAPTURES:
        chosen = words
    else:
        names = ", ".join(sorted(CAPTURES))
        raise InvalidError(f"STEPWIRE_CAPTURE must be 0, 1, or some of {names}.", field="STEPWIRE_CAPTURE")
    if output is None:
        return chosen
    return chosen | {"console"} if output else chosen - {"console"}


def _mode(mode: object, field: str) -> str:
    if mode not in ("online", "offline", "disabled"):
        raise InvalidError(f"{field} must be 'online', 'offline' or 'disabled', not {shown(mode)}.", field=field)
    return str(mode)
