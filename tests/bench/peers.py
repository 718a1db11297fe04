"""Stepwire beside other experiment trackers: runs the peers' benchmark with Stepwire as one more contestant.

``python tests/bench/peers.py [--only stepwire,NAME] [--json FILE] [options of its run.py]``, or
``make bench BENCH=peers``. The benchmark is taken from ``PEERBENCH`` (default: the folder ``shared/peerbench`` beside
this checkout) and copied, because it may be read-only. Others need their environments: its ``setup.sh``, ``PEERS_DIR``.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTESTANT = Path(__file__).resolve().parent / "peer"
OUT = ROOT / "docs/bench/peers.json"


def main(arguments: list[str]) -> int:
    """Measure the contestants named; returns the benchmark's exit code, 0 when there is no benchmark."""
    parser = argparse.ArgumentParser(description="Run the peers' benchmark; further options are its own.")
    parser.add_argument("--only", default="stepwire", help="contestants, separated by commas (default: stepwire)")
    parser.add_argument("--json", type=Path, default=OUT, help="results are added to this file")
    given, options = parser.parse_known_args(arguments)
    source = Path(os.environ.get("PEERBENCH", ROOT.parent / "shared/peerbench"))
    if not (source / "run.py").exists():
        print(f"skipped: there is no {source / 'run.py'}; set PEERBENCH to the folder of the peers' benchmark")
        return 0
    with tempfile.TemporaryDirectory(prefix="peerbench-") as folder:
        bench = Path(folder) / "peerbench"
        copy(source, bench)
        if "stepwire" in given.only.split(","):
            set_up(bench)
        command = [sys.executable, str(bench / "run.py"), "--only", given.only, "--json", str(given.json.absolute())]
        work = ["--work", str(Path(folder) / "work")]
        return subprocess.run([*command, *work, *options], check=False).returncode


def copy(source: Path, bench: Path) -> None:
    """The benchmark, with Stepwire among its contestants."""
    for path in source.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            target = bench / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    shutil.copyfile(CONTESTANT / "stepwire.py", bench / "peers/stepwire.py")
    # The commit makes setup.sh install anew after a change.
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False, cwd=ROOT).stdout
    wanted = (CONTESTANT / "requirements.txt").read_text() + f"# {head}"
    (bench / "requirements/stepwire.txt").write_text(wanted)


def set_up(bench: Path) -> None:
    """An environment with this checkout installed as a user would."""
    subprocess.run(["bash", str(bench / "setup.sh"), "stepwire"], check=True, cwd=ROOT)


def compare() -> list[object]:
    """The group ``peers``: prints the benchmark's own tables and has no figures with goals."""
    if main([]):
        raise RuntimeError("the peers' benchmark failed")
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
