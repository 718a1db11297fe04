"""What a validator found wrong in a request, in the request's own words: its fields, and what to send instead."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

MOST_FAULTS = 5
MOST_CHARACTERS = 100
_PLACES = frozenset({"body", "query", "path", "header"})
_BRANCHES = frozenset({"int", "float"})  # the parts of a union, which stand behind the field's name
_WORDS = (
    ("Input should be a valid dictionary or object to extract fields from", "must be an object"),
    ("Input should be a valid dictionary", "must be an object"),
    ("Input should be a valid list", "must be a list"),
    ("Input should be a valid string", "must be text"),
    ("Input should be a valid integer", "must be a whole number"),
    ("Input should be a valid number", "must be a number"),
    ("Input should", "must"),
    ("String should", "must"),
    ("List should", "must"),
)


def told_faults(errors: Sequence[Any], body: Any = None) -> tuple[str, str]:
    """The field to blame and a line that tells all faults; unknown fields stand first, as they explain missing ones.

    Args:
        errors: As pydantic lists them.
        body: FastAPI's field of the request's body, to tell which fields there are.
    """
    told: dict[str, str] = {}
    for error in sorted(errors, key=lambda error: error["type"] != "extra_forbidden"):
        place = _place(error)
        field = _spell(place) or "body"
        told.setdefault(field, _fault(error, place, field, body))
    lines = list(told.values())
    more = len(lines) - MOST_FAULTS
    return next(iter(told)), "; ".join(lines[:MOST_FAULTS]) + (f"; and {more} more" if more > 0 else "") + "."


def _place(error: Any) -> list[Any]:
    place = [part for at, part in enumerate(error["loc"]) if at > 0 or part not in _PLACES]
    return place[:-1] if _is_branch(error) else place


def _is_branch(error: Any) -> bool:
    last = error["loc"][-1] if error["loc"] else None
    return last in _BRANCHES and error["type"].startswith(f"{last}_")


def _spell(place: Iterable[Any]) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)[:MOST_CHARACTERS]
    return text


def _fault(error: Any, place: list[Any], field: str, body: Any) -> str:
    if error["type"] == "extra_forbidden":
        return f"{field} is no known field ({_instead(str(place[-1]), _known(body, place[:-1]))})"
    if error["type"] == "missing":
        return f"{field} is missing"
    if _is_branch(error):
        return f"{field} must be a number"
    for theirs, ours in _WORDS:
        if error["msg"].startswith(theirs):
            return f"{field} {ours}{error['msg'].removeprefix(theirs)}"
    return f"{field}: {error['msg']}"


def _instead(name: str, known: list[str]) -> str:
    close = get_close_matches(name[:MOST_CHARACTERS], known, 1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known are {', '.join(known)}" if known else "leave it out"


def _known(body: Any, place: list[Any]) -> list[str]:
    """The names of the fields at a place of the body."""
    model = _model(getattr(getattr(body, "field_info", None), "annotation", None))
    for part in place:
        if model is not None and isinstance(part, str):
            model = _model(model.model_fields[part].annotation) if part in model.model_fields else None
    return [] if model is None else [field.alias or name for name, field in model.model_fields.items()]


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation, be it optional or of a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model(part)) is not None), None)
