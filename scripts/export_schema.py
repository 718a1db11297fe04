"""Write ``frontend/openapi.json``: the server's OpenAPI with the socket's messages among its schemas.

The front end's types are generated from it (``make types``). ``--check`` fails when the file, or what was
generated from it, is older than the code.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from stepwire import protocol
from stepwire.app import create_app
from stepwire.server.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "frontend/openapi.json"
GENERATED = ROOT / "frontend/src/services/schema.gen.ts"


def schema() -> dict[str, Any]:
    """OpenAPI with ``ServerMessage``, ``ViewerMessage`` and each message in ``components.schemas``."""
    with tempfile.TemporaryDirectory() as folder:
        document = create_app(Settings(data=Path(folder))).openapi()
    for name in ("ServerMessage", "ViewerMessage"):
        union = TypeAdapter(getattr(protocol, name)).json_schema(
            ref_template="#/components/schemas/{model}", mode="serialization"
        )
        document["components"]["schemas"] |= union.pop("$defs") | {name: union}
    for found in document["components"]["schemas"].values():
        require_tag(found)
    return document


def require_tag(found: dict[str, Any]) -> None:
    """A message always carries its ``type``, though it has a default in Python."""
    tag = found.get("properties", {}).get("type", {})
    if "const" in tag and "type" not in found.get("required", []):
        found["required"] = [*found.get("required", []), "type"]


def main() -> int:
    """Write the file, or with ``--check`` compare; returns the exit code."""
    text = json.dumps(schema(), indent=1, sort_keys=True) + "\n"
    if "--check" not in sys.argv:
        OUT.write_text(text)
        return 0
    digest = hashlib.sha256(text.encode()).hexdigest()
    fresh = OUT.exists() and OUT.read_text() == text and digest in GENERATED.read_text()
    if not fresh:
        print("The front end's types are older than the server's; run `make types` and commit what changes.")
    return 0 if fresh else 1


if __name__ == "__main__":
    sys.exit(main())
