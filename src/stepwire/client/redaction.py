"""Keeps secrets out of what a run tells about itself."""

import re
from collections.abc import Sequence
from typing import Any

HIDDEN = "[redacted]"

_SECRET_NAME = re.compile(
    r"(^|[-_.\s])(api[-_]?key|secret([-_]?key)?|access[-_]?key|private[-_]?key|auth|authorization"
    r"|(auth|access|api|hf|bearer|refresh)?[-_]?token|passw(or)?d|passphrase|credentials?)$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"\b(hf_|sk-|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|swk_|AKIA|ASIA|AIza)[A-Za-z0-9_\-]{8,}"
)
_URL_USER = re.compile(r"(?<=://)[^/\s@]+@")


def redact(name: str, value: Any) -> Any:
    """Return ``value``, hidden when ``name`` says that it is a secret or when it looks like one.

    Only text is hidden, so ``use_cls_token=True`` and ``num_tokens=512`` stay.
    """
    if not isinstance(value, str):
        return value
    if value and _SECRET_NAME.search(name):
        return HIDDEN
    return _redact_text(value)


def redact_arguments(argv: Sequence[str]) -> list[str]:
    """Return a command line without secrets, whether given as ``--token X`` or as ``--token=X``."""
    result: list[str] = []
    hide = False
    for argument in argv:
        name, equals, _ = argument.partition("=")
        if hide and not argument.startswith("--"):
            result.append(HIDDEN)
        elif equals and _SECRET_NAME.search(name):
            result.append(f"{name}={HIDDEN}")
        else:
            result.append(_redact_text(argument))
        hide = argument.startswith("-") and not equals and bool(_SECRET_NAME.search(argument))
    return result


def _redact_text(value: str) -> str:
    return _URL_USER.sub(f"{HIDDEN}@", _SECRET_VALUE.sub(HIDDEN, value))
