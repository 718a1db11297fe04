"""``stepwire run``: a command, in any language and unchanged, as a run."""

import argparse
import os
import re
from pathlib import Path
from typing import Any

from stepwire.errors import InvalidError, StepwireError

EXAMPLE = """examples:
  stepwire run -- python train.py --lr 0.001
  stepwire run --name baseline --watch 'out/*.jsonl' -- ./train.sh"""


def add_to(parsers: Any) -> None:
    """Declare the command and its options."""
    parser = parsers.add_parser(
        "run",
        help="run a command and show it as a run",
        usage="stepwire run [options] -- COMMAND …",
        description="Run a command in any language and make one run of it: its output, exit status and load, and the "
        "numbers in the metric files and log lines that it writes. It ends with the command's exit code.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # what is no option of ours may be one of a command whose -- was forgotten
    )
    parser.add_argument("--name", help="name of the run (default: the script's)")
    parser.add_argument("--project", help="project of the run (default: STEPWIRE_PROJECT, else default)")
    parser.add_argument("--group", help="name that runs of one experiment share")
    parser.add_argument("--tag", action="append", default=[], help="word to find the run by; may be given again")
    parser.add_argument("--no-capture", action="store_true", help="keep the output out of the run")
    parser.add_argument(
        "--pattern", action="append", default=[], metavar="REGEX", help="read numbers by named groups, as (?P<loss>…)"
    )
    parser.add_argument("--no-patterns", action="store_true", help="read no numbers out of log lines")
    parser.add_argument(
        "--tensorboard", action="append", default=[], type=Path, metavar="DIR", help="read event files there and below"
    )
    parser.add_argument("--watch", action="append", default=[], metavar="FILE", help="read a .jsonl or .csv file")
    parser.add_argument("--no-files", action="store_true", help="look for no metric files")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    words = given.words[1:] if given.words[:1] == ["--"] else given.words
    if not words:
        given.misuse("name the command, behind --")
    if os.name != "posix":
        raise StepwireError("stepwire run works on Linux and macOS. Elsewhere log with TrainingMonitor.")
    from stepwire.client.launch.command import Options, run_command

    options = Options(
        name=given.name,
        project=given.project,
        group=given.group,
        tags=tuple(given.tag),
        captures=not given.no_capture,
        reads_lines=not given.no_patterns,
        patterns=_patterns(given),
        finds_files=not given.no_files,
        tensorboard=tuple(given.tensorboard),
        watch=tuple(given.watch),
    )
    return run_command(words, options)


def _patterns(given: argparse.Namespace) -> tuple[re.Pattern[str], ...]:
    from stepwire.formats.patterns import compile_pattern

    try:
        return tuple(compile_pattern(text) for text in given.pattern)
    except InvalidError as error:
        given.misuse(f"--pattern: {error.message}")
        raise
