"""Lines per file and per function of the package: a look, nothing fails on it."""

import ast
import statistics
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Print medians, 95th percentiles and the largest."""
    files, functions = [], []
    for path in sorted((ROOT / "src").rglob("*.py")):
        text = path.read_text()
        name = path.relative_to(ROOT).as_posix()
        files.append((len(text.splitlines()), name))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                functions.append((node.end_lineno - node.lineno + 1, f"{name}:{node.name}"))  # noqa: PERF401 - two lists, one walk
    for kind, sizes in (("file", files), ("function", functions)):
        sizes.sort(reverse=True)
        lines = [size for size, _ in sizes]
        print(f"{kind}: {len(lines)}, median {statistics.median(lines):.0f}, p95 {lines[len(lines) // 20]}")
        for size, name in sizes[:5]:
            print(f"  {size:5} {name}")


if __name__ == "__main__":
    main()
