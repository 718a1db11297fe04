"""What is said about frameworks is what is tested."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FRAMEWORKS = ROOT / "tests/frameworks"


def test_the_pages_versions_are_the_pinned_ones():
    """Each group of ``docs/integrations.md`` names the versions of its file, all exact."""
    page = (ROOT / "docs/integrations.md").read_text()
    rows = dict(re.findall(r"^\| `make test-frameworks-(\w+)` \| (.+) \|$", page, re.MULTILINE))
    files = {file.stem: file.read_text() for file in FRAMEWORKS.glob("*.txt")}
    assert rows.keys() == files.keys()
    for group, text in files.items():
        pinned = re.findall(r"^([\w-]+)(?:\[\w+\])?==([\w.]+)$", text, re.MULTILINE)
        assert len(pinned) == len([line for line in text.splitlines() if not line.startswith("#")])
        told = dict(re.findall(r"([\w-]+) (\d[\w.]+)", rows[group]))
        assert told.items() <= dict(pinned).items()
        assert {name for name, _ in pinned} - told.keys() <= {"jaxlib"}


def test_each_framework_is_tested_by_a_target():
    """Every file in ``tests/frameworks`` is named by a target, and each integration has one with its program."""
    makefile = (ROOT / "Makefile").read_text()
    named = set(" ".join(re.findall(r"test_%\.py,([\w ]+)\)", makefile)).split())
    tests = {file.stem.removeprefix("test_"): file.read_text() for file in FRAMEWORKS.glob("test_*.py")}
    assert named == tests.keys()
    headings = {heading for text in tests.values() for heading in re.findall(r'example\("([^"]+)"\)', text)}
    page = (ROOT / "docs/integrations.md").read_text()
    assert headings == {part.splitlines()[0] for part in page.split("\n## ") if "```python" in part}


def test_importing_the_package_imports_no_framework():
    """Every module of an integration stands for itself: the package's own text imports nothing."""
    text = (ROOT / "src/stepwire/integrations/__init__.py").read_text()
    assert "import " not in re.sub(r'"""(.|\n)*?"""', "", text)
