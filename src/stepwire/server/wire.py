"""Messages of the socket between bytes and the dataclasses of :mod:`stepwire.protocol`.

Text frames are JSON, binary frames MessagePack. What can't be used raises ``MalformedError`` or
``InvalidError`` with the field to blame; the socket answers with ``error`` and stays.
"""

from array import array
from typing import Any

import msgspec

from stepwire.errors import InvalidError, MalformedError
from stepwire.protocol import (
    Batch,
    Bye,
    CommandResult,
    Hello,
    Ping,
    Pong,
    ScriptMessage,
    Subscribe,
    Unsubscribe,
    ViewerMessage,
)
from stepwire.server.values import check_depth, from_json

_TYPES: dict[str, type] = {
    "subscribe": Subscribe,
    "unsubscribe": Unsubscribe,
    "ping": Ping,
    "pong": Pong,
    "hello": Hello,
    "batch": Batch,
    "command_result": CommandResult,
    "bye": Bye,
}
_text = msgspec.json.Encoder()
_binary = msgspec.msgpack.Encoder()
_batch = msgspec.msgpack.Decoder(Batch)


def decode_text(text: str) -> ViewerMessage | ScriptMessage:
    """Read a JSON message.

    Raises:
        MalformedError: Not JSON, or nested deeper than 32.
        InvalidError: Not one of the messages; ``field`` names the field to blame.
    """
    try:
        message = msgspec.json.decode(text.encode("utf-8"))
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise MalformedError(f"The message is not JSON: {error}.") from None
    check_depth(message, "message")
    if isinstance(message, dict) and message.get("type") == "batch":
        message = _columns_from_lists(message)
    return _convert(message)


def decode_binary(data: bytes) -> ViewerMessage | ScriptMessage:
    """Read a MessagePack message. Raises as :func:`decode_text`."""
    try:
        return _batch.decode(data)  # nearly every binary message is one, and so it costs a tenth
    except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError):
        pass  # another message, or one whose fault is told below
    try:
        message = msgspec.msgpack.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError) as error:
        raise MalformedError(f"The message is not MessagePack: {error}.") from None
    return _convert(message)


def encode_text(message: Any) -> str:
    """A message as JSON; fields that are ``None`` are left out."""
    return _text.encode(_slim(message)).decode()


def encode_binary(message: Any) -> bytes:
    """A message as MessagePack; fields that are ``None`` are left out."""
    return _binary.encode(_slim(message))


def _slim(message: Any) -> dict[str, Any]:
    fields = msgspec.to_builtins(message, builtin_types=(bytes,))
    return {
        "type": fields.pop("type"),
        **{name: value for name, value in fields.items() if value is not None},
    }


def _convert(message: Any) -> ViewerMessage | ScriptMessage:
    if not isinstance(message, dict):
        raise InvalidError('A message is an object with a "type".', "type")
    kind = _TYPES.get(message["type"]) if isinstance(message.get("type"), str) else None
    if kind is None:
        raise InvalidError(f"type must be one of {', '.join(sorted(_TYPES))}.", "type")
    try:
        converted: ViewerMessage | ScriptMessage = msgspec.convert(message, kind)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        field = path.rstrip("`").lstrip(".") or _missing_field(text)
        raise InvalidError(f"{field or 'message'}: {text}.", field) from None
    return converted


def _missing_field(text: str) -> str | None:
    return text.split("`")[1] if "`" in text and "required field" in text else None


def _columns_from_lists(message: dict[str, Any]) -> dict[str, Any]:
    sets = message.get("sets", [])
    if not isinstance(sets, list) or not all(isinstance(item, dict) for item in sets):
        raise InvalidError("sets must be a list of objects.", "sets")
    return {**message, "sets": [_set_from_lists(item, f"sets[{index}]") for index, item in enumerate(sets)]}


def _set_from_lists(item: dict[str, Any], field: str) -> dict[str, Any]:
    steps = _list(item, "steps", field)
    whole = all(isinstance(step, int) for step in steps)
    return {
        **item,
        "at": _pack("I", _list(item, "at", field), f"{field}.at"),
        "steps": _pack("q" if whole else "d", steps, f"{field}.steps"),
        "step_type": "i8" if whole else "f8",
        "times": _pack("q", _list(item, "times", field), f"{field}.times"),
        "values": _values(_list(item, "values", field), f"{field}.values"),
    }


def _values(values: list[Any], field: str) -> bytes:
    rows = values if any(isinstance(row, list) for row in values) else [values]
    if len({len(row) if isinstance(row, list) else -1 for row in rows}) > 1:
        raise InvalidError(f"{field} must be rows of equal length, or one flat list.", field)
    flat = [cell for row in rows for cell in row]
    return array("d", [from_json(value, field) for value in flat]).tobytes()


def _list(item: dict[str, Any], name: str, field: str) -> list[Any]:
    value = item.get(name)
    if not isinstance(value, list):
        raise InvalidError(f"{field}.{name} must be a list.", f"{field}.{name}")
    return value


def _pack(code: str, numbers: list[Any], field: str) -> bytes:
    try:
        return array(code, numbers).tobytes()
    except (TypeError, OverflowError):
        raise InvalidError(f"{field} must hold numbers in range.", field) from None
