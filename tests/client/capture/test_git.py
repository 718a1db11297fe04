"""What git tells of a working copy, asked of real repositories."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from stepwire.client.capture.git import DIFF_BYTES, describe_git
from stepwire.client.redaction import HIDDEN, LineRedactor


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, whatever its user has configured."""
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True, env=os.environ | quiet
    )
    return done.stdout.strip()


@pytest.fixture
def copy(tmp_path):
    """A working copy with one commit."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "train.py").write_text("lr = 0.1\n")
    git(tmp_path, "add", "train.py")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def describe(folder, **more):
    """What is found out."""
    return describe_git(folder, LineRedactor(), **more)


def test_a_clean_working_copy(copy):
    """Commit and branch are told; nothing was changed. Files that git does not track do not count."""
    (copy / "notes.txt").write_text("not tracked")
    assert describe(copy) == {"commit": git(copy, "rev-parse", "HEAD"), "branch": "main", "dirty": False}


def test_what_was_changed_is_told(copy):
    """The diff goes from the commit to the files, staged or not, seen from any folder of the copy."""
    (copy / "train.py").write_text("lr = 0.2\n")
    (copy / "model").mkdir()
    (copy / "model" / "net.py").write_text("width = 3\n")
    git(copy, "add", "model/net.py")
    found = describe(copy / "model")
    assert (found["dirty"], found["diff_cut"]) == (True, False)
    assert "-lr = 0.1\n+lr = 0.2\n" in found["diff"]
    assert "b/model/net.py" in found["diff"]
    assert "+width = 3" in found["diff"]


def test_a_secret_in_a_diff_is_hidden(copy):
    """A key that somebody wrote into the code stays on this machine."""
    (copy / "train.py").write_text("password = 'hunter2'\nurl = 'https://me:canary@db/x'\n")
    diff = describe(copy)["diff"]
    assert "hunter2" not in diff
    assert "canary" not in diff
    assert f"+password = '{HIDDEN}'" in diff


def test_a_long_diff_is_cut(copy):
    """Of a diff of megabytes 256 KiB are kept."""
    (copy / "train.py").write_text("x = 1\n" * 1_000_000)
    found = describe(copy)
    assert found["diff_cut"] is True
    assert len(found["diff"]) <= DIFF_BYTES


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://ada:secret@git.example.org/x.git", "https://git.example.org/x.git"),
        ("https://glpat-abcdefgh12345678@git.example.org/x.git", "https://git.example.org/x.git"),
        ("git@github.com:me/x.git", "git@github.com:me/x.git"),
        ("/srv/git/x.git", "/srv/git/x.git"),
    ],
)
def test_the_remote_is_told_without_a_password(copy, address, told):
    """``origin`` comes first, however many there are."""
    git(copy, "remote", "add", "backup", "https://elsewhere.example.org/x.git")
    git(copy, "remote", "add", "origin", address)
    assert describe(copy)["remote"] == told


def test_a_detached_head_has_no_branch(copy):
    """As in most cluster jobs and in CI."""
    git(copy, "checkout", "--quiet", "--detach")
    assert "branch" not in describe(copy)


def test_a_repository_without_a_commit(tmp_path):
    """There is nothing to tell yet, and that is no error."""
    git(tmp_path, "init", "--quiet")
    assert describe(tmp_path) == {}


def test_no_working_copy_and_no_git_are_no_error(tmp_path, monkeypatch):
    """Most folders are none, and many machines have no git."""
    assert describe(tmp_path) is None
    assert describe(tmp_path / "not there") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert describe(Path.cwd()) is None


def test_git_that_does_not_answer_is_left_behind(copy, monkeypatch):
    """A hung file system or a huge repository costs the limit and no more; the process is ended."""
    slow = copy / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    assert describe(copy, seconds=0.2) is None


def test_nothing_of_the_repository_is_run_or_locked(copy):
    """Its own monitor and diff programs are not started, and the index is left as it is while somebody else has it."""
    trap = copy / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {copy}/sprung\n")
    trap.chmod(0o755)
    git(copy, "config", "core.fsmonitor", str(trap))
    git(copy, "config", "diff.external", str(trap))
    (copy / ".gitattributes").write_text("*.py diff=trap\n")
    git(copy, "config", "diff.trap.textconv", str(trap))
    (copy / "train.py").write_text("lr = 0.3\n")
    (copy / "sprung").unlink(missing_ok=True)
    (copy / ".git" / "index.lock").touch()
    assert "+lr = 0.3" in describe(copy)["diff"]
    assert not (copy / "sprung").exists()
