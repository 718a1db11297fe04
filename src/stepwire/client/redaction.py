"""Keeps secrets out of what a run tells about itself."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from stepwire.formats.terminal import strip_colours

HIDDEN = "[redacted]"


def _later(pattern: str, flags: re.RegexFlag = re.NOFLAG) -> Callable[[], re.Pattern[str]]:
    """Compile a pattern when it is first asked for: all of them take longer than the rest of this module."""
    return cache(lambda: re.compile(pattern, flags))


_secret_name = _later(
    r"(^|[-_.\s])(api[-_]?keys?|secret([-_]?key)?|access[-_]?key|private[-_]?key|auth|authorization"
    r"|(auth|access|api|hf|bearer|refresh)?[-_]?token|passphrase|credentials?)$"
    r"|passw(or)?d$|[-_.](pwd|pass)$",
    re.IGNORECASE,
)
_secret_value = _later(
    r"\b(hf_|sk-|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|swk_|AKIA|ASIA|AIza|nvapi-|dckr_pat_)[A-Za-z0-9_\-]{8,}"
    r"|(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"  # a JSON Web Token
)
_url_user = _later(r"(?<=://)[^/\s@]+@")
_header = _later(r"(\b(?:authorization|cookie|x-api-key)[\"']?\s*[:=]\s*[\"']?)[^\"'\r\n]+", re.IGNORECASE)
_link_token = _later(r"(#t=)[A-Za-z0-9._~+/=-]+")
_bearer = _later(r"(\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
# What is behind the name is looked at first, what is in front of it in Python: so no text takes long.
_assigned = _later(
    r"(api[-_]?key|secret(?:[-_]?key)?|access[-_]?key|private[-_]?key|token|passw(?:or)?d|passphrase|credentials?)"
    r"([\"']?\s*[=:]\s*|\s+)(?:\"([^\"]{1,512})\"|'([^']{1,512})'|([^\s\"',;&)}\]]{1,4096}))",
    re.IGNORECASE,
)
_before = _later(r"[\w.-]*$")
_split = _later(r"[^a-z0-9]+")
# Words in front of `token` that make it one of a text, not one that opens a door.
_OF_TEXT = frozenset((
    *("pad", "bos", "eos", "unk", "cls", "sep", "mask", "special", "image", "next", "prev", "start", "end", "first"),
    *("last", "new", "per", "each"),
))  # fmt: skip
_NOTHING = frozenset(("none", "null", "true", "false", "", "***", HIDDEN))
_LEAST_SECRET = 8
_key_begin = _later(r"-----BEGIN [A-Z ]*PRIVATE KEY")
_key_end = _later(r"-----END [A-Z ]*PRIVATE KEY[A-Z ]*-----")
_KEY_LINES = 200
_MOST_CHARACTERS = 128 * 1024
_first_look = _later(
    r"://|#t=|token|secret|passw|passph|key|credential|auth|cookie|bearer|eyJ|hf_|gh[pousr]_|_pat_|swk_|sk-|glpat-|xox"
    r"|AKIA|ASIA|AIza|nvapi-",
    re.IGNORECASE,
)


def redact(name: str, value: Any) -> Any:
    """Return ``value``, hidden when ``name`` says that it is a secret or when it looks like one.

    Numbers are not hidden, so ``use_cls_token=True`` and ``num_tokens=512`` stay. Of text longer than 128 KiB the
    rest is left out: looking through megabytes takes long, and nobody keeps that much of one value.
    """
    if not isinstance(value, bool | int | float | None) and not _is_empty(value) and _secret_name().search(name):
        return HIDDEN
    if not isinstance(value, str):
        return value
    return redact_text(value[:_MOST_CHARACTERS])


def _is_empty(value: object) -> bool:
    return isinstance(value, str | bytes | list | tuple | dict) and not value


def redact_arguments(argv: Sequence[str]) -> list[str]:
    """Return a command line without secrets, whether given as ``--token X`` or as ``--token=X``."""
    result: list[str] = []
    hide = False
    for argument in argv:
        name, equals, _ = argument.partition("=")
        if hide and not argument.startswith("--"):
            result.append(HIDDEN)
        elif equals and _secret_name().search(name):
            result.append(f"{name}={HIDDEN}")
        else:
            result.append(redact_text(argument))
        hide = argument.startswith("-") and not equals and bool(_secret_name().search(argument))
    return result


def redact_text(text: str) -> str:
    """Return text in which what looks like a secret is hidden.

    Well-known keys and JSON Web Tokens, user and password of addresses, ``password=…`` and ``--token …``, the
    headers ``Authorization`` and ``Cookie``.
    """
    if not _first_look().search(text):
        return text
    text = _url_user().sub(f"{HIDDEN}@", _secret_value().sub(HIDDEN, text))
    text = _header().sub(rf"\g<1>{HIDDEN}", _link_token().sub(rf"\g<1>{HIDDEN}", text))
    return _assigned().sub(_hide_assigned, _bearer().sub(rf"\g<1>{HIDDEN}", text))


def environment_secrets(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of variables whose names say that they are secrets, the longest first."""
    found = {
        value for name, value in environment.items() if len(value) >= _LEAST_SECRET and _secret_name().search(name)
    }
    return tuple(sorted(found, key=len, reverse=True))


class LineRedactor:
    """Hides secrets in lines that follow each other, as a private key stretches over many.

    Args:
        secrets: Texts to hide wherever they stand.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = [re.escape(secret) for secret in secrets]
        self._known = re.compile("|".join(known)) if known else None
        self._key_lines = 0

    def __call__(self, line: str) -> str:
        """Return the next line without its secrets; one that has some loses its colours too."""
        plain = strip_colours(line)
        shown = self._hide(plain)
        return line if shown == plain else shown

    def _hide(self, line: str) -> str:
        if self._key_lines:
            return self._hide_key(line)
        if begin := _key_begin().search(line):
            self._key_lines = 0 if _key_end().search(line) else _KEY_LINES
            return line[: begin.start()] + HIDDEN
        if self._known is not None:
            line = self._known.sub(HIDDEN, line)
        return redact_text(line)

    def _hide_key(self, line: str) -> str:
        self._key_lines = 0 if _key_end().search(line) else self._key_lines - 1
        return HIDDEN


def _hide_assigned(found: re.Match[str]) -> str:
    """What stands for ``name = value`` or ``--name value``."""
    before = _before().search(found.string[max(found.start() - 40, 0) : found.start()])
    prefix = before[0] if before else ""
    name, separator = found[1], found[2]
    value = found[3] or found[4] or found[5]
    is_option = prefix.startswith("-")
    is_word = (
        name.lower().startswith("passw")
        or not prefix
        or not prefix[-1].isalnum()
        or (prefix[-1].islower() and name[0].isupper())
    )
    if not is_word or (separator.isspace() and not is_option) or value.lower() in _NOTHING:
        return found[0]
    if name.lower() == "token" and not is_option and not _opens_doors(prefix, value):
        return found[0]
    if separator.isspace() and value.startswith("-"):  # the next option
        return found[0]
    quote = '"' if found[3] else "'" if found[4] else ""
    return f"{name}{separator}{quote}{HIDDEN}{quote}"


def _opens_doors(prefix: str, value: str) -> bool:
    """Whether the value of a ``token`` is one of those that let people in, and none of a text."""
    words = _split().split(prefix.lower())
    if any(word in _OF_TEXT for word in words) or len(value) < _LEAST_SECRET:
        return False
    has_digit, has_letter = any(map(str.isdigit, value)), any(map(str.isalpha, value))
    return has_letter and (has_digit or len(value) >= 24)
