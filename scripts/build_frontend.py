"""Build the front end into ``src/stepwire/server/web``: as hatchling's build hook and as a script.

The wheel carries the built page, so that an installed Stepwire needs no node. A stamp of the sources' digest
skips a build that would change nothing.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("src", "public", "index.html", "package.json", "package-lock.json", "vite.config.ts", "tsconfig.json")


def digest(frontend: Path) -> str:
    """SHA-256 over the names and contents of all sources of the page."""
    total = hashlib.sha256()
    for name in SOURCES:
        path = frontend / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and ".test." not in file.name:
                total.update(file.relative_to(frontend).as_posix().encode() + b"\0" + file.read_bytes())
    return total.hexdigest()


def build(root: Path) -> None:
    """Build the page unless it is already there for these very sources.

    Raises:
        SystemExit: node is missing, or the build failed.
    """
    frontend, web = root / "frontend", root / "src/stepwire/server/web"
    stamp = web / ".digest"
    if not (frontend / "package.json").exists():
        if (web / "index.html").exists():
            return
        sys.exit("There is neither a front end to build nor a built one in src/stepwire/server/web.")
    wanted = digest(frontend)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("Building the front end needs node 20 or newer with npm; install it and try again.")
    run(npm, "ci", "--no-audit", "--no-fund", cwd=frontend)
    run(npm, "run", "build", cwd=frontend)
    stamp.write_text(wanted)


def run(*command: str, cwd: Path) -> None:
    """Run a command; what it prints is shown only when it fails."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        sys.exit(f"{' '.join(command[1:])} failed in {cwd.name}/ (exit code {done.returncode}).")


class FrontendBuildHook(BuildHookInterface[Any]):
    """Called by hatchling for each wheel and source distribution."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Editable installs leave the page alone: ``make`` builds it, and the server serves what is there."""
        if version != "editable":
            build(Path(self.root))


if __name__ == "__main__":
    build(Path(__file__).resolve().parent.parent)
