"""The state of the working copy that a script runs from: commit, branch, what was changed since."""

import os
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from stepwire.client.document import clean
from stepwire.client.redaction import LineRedactor, redact_text

GIT_SECONDS = 5.0
DIFF_BYTES = 256 * 1024
_ANSWER_BYTES = 64 * 1024
# Nothing of a repository's own configuration is run, and no lock is taken that could get in the way of the user's git.
_COMMAND = ("git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false")
_DIFF = ("diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative", "--submodule=short")
_HEAD = ("HEAD", "--abbrev-ref", "HEAD")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def describe_git(folder: Path, redact: LineRedactor, seconds: float = GIT_SECONDS) -> dict[str, Any] | None:
    """Return what git knows of the working copy that ``folder`` is in; ``None`` without git or a working copy.

    ``commit``, ``branch`` (left out when HEAD is detached), ``remote`` without user and password, ``dirty`` (whether
    tracked files differ from the commit) and ``diff``, at most 256 KiB of it without secrets; ``diff_cut`` when it
    is longer. What git does not answer within ``seconds`` altogether is left out.

    Args:
        folder: Where to look.
        redact: Hides the secrets of a line.
        seconds: For all questions together.
    """
    git = _Git(folder, time.monotonic() + seconds)
    # One question, whose last parts fail where there is no commit yet: each is a child process that the script has.
    inside, commit, branch = [*git.ask_all("rev-parse", "--is-inside-work-tree", *_HEAD), "", "", ""][:3]
    if inside != "true":
        return None
    found: dict[str, Any] = {}
    if _COMMIT.fullmatch(commit):
        found["commit"] = commit
        if branch and branch != "HEAD":
            found["branch"] = clean(branch, 256)
    remote = _remote(git.ask("config", "--get-regexp", r"^remote\..*\.url$") or "")
    if remote:
        found["remote"] = clean(remote, 1000)
    return found | (_changes(git, redact) if "commit" in found else {})


class _Git:
    """Asks git, until the deadline (in monotonic seconds)."""

    def __init__(self, folder: Path, deadline: float) -> None:
        self._folder = folder
        self._deadline = deadline

    def ask(self, *arguments: str) -> str | None:
        """Return the answer without the line's end, ``None`` when there is none."""
        answer = self.read(_ANSWER_BYTES, *arguments)
        return None if answer is None else answer.decode("utf-8", "replace").rstrip("\n")

    def ask_all(self, *arguments: str) -> list[str]:
        """Return the lines of the answer, those too that came before git failed."""
        answer = self.read(_ANSWER_BYTES, *arguments, is_whole=False)
        return [] if answer is None else answer.decode("utf-8", "replace").splitlines()

    def read(self, most: int, *arguments: str, is_whole: bool = True) -> bytes | None:
        """Return at most ``most`` bytes of the answer, one more when it is longer; ``None`` when git failed.

        Args:
            is_whole: Whether what came before git failed is no answer.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            return None
        try:
            process = subprocess.Popen(
                [*_COMMAND, *arguments],
                cwd=self._folder,
                env=os.environ | _QUIET,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError:  # no git, no such folder, no process to be had
            return None
        data, is_good = _read(process, most, left)
        return data if is_good or not is_whole else None


def _read(process: "subprocess.Popen[bytes]", most: int, seconds: float) -> tuple[bytes, bool]:
    """Return what a process writes, at most ``most`` bytes and one more, and whether that is what it had to say."""
    was_late = threading.Event()

    def stop() -> None:
        was_late.set()
        process.kill()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        with process:
            assert process.stdout is not None
            data = process.stdout.read(most + 1)
            if len(data) > most:
                process.kill()
    finally:
        timer.cancel()
    has_ended = process.returncode == 0 or len(data) > most
    return data, has_ended and not was_late.is_set()


def _remote(lines: str) -> str | None:
    """The address of ``origin``, else of the first remote, without user and password."""
    remotes = dict(line.split(" ", 1) for line in lines.splitlines() if " " in line)
    address = remotes.get("remote.origin.url") or next(iter(remotes.values()), None)
    return None if address is None else redact_text(address).replace("[redacted]@", "")


def _changes(git: _Git, redact: LineRedactor) -> dict[str, Any]:
    diff = git.read(DIFF_BYTES, *_DIFF)
    if diff is None:
        return {}
    text = "\n".join(redact(line) for line in diff[:DIFF_BYTES].decode("utf-8", "replace").split("\n"))
    found: dict[str, Any] = {"dirty": bool(diff)}
    if diff:
        found["diff"] = clean(text, DIFF_BYTES)
        found["diff_cut"] = len(diff) > DIFF_BYTES
    return found
