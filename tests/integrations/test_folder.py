"""Files that a framework has written."""

import os

from stepwire.integrations.folder import Folder


def test_new_and_changed_files_are_news_once(tmp_path):
    """What was there at first is not; what is written again is, oldest first; other files and folders are not."""
    (tmp_path / "old.zip").write_text("a")
    folder = Folder(tmp_path, "*.zip")
    assert folder.news() == []
    for place, name in enumerate(["second.zip", "first.zip", "other.txt"]):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, ns=(0, 2_000_000_000_000 - place))
    (tmp_path / "folder.zip").mkdir()
    assert [file.name for file in folder.news()] == ["first.zip", "second.zip"]
    assert folder.news() == []
    (tmp_path / "old.zip").write_text("longer")
    assert [file.name for file in folder.news()] == ["old.zip"]


def test_a_folder_may_come_later(tmp_path):
    """Frameworks make their folder when they first write."""
    folder = Folder(tmp_path / "later")
    assert folder.news() == []
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "a").write_text("a")
    assert [file.name for file in folder.news()] == ["a"]


def test_what_we_wrote_ourselves_is_no_news(tmp_path):
    """A file that was passed is seen; one of another folder does not matter."""
    folder = Folder(tmp_path)
    for name in ("ours", "theirs"):
        (tmp_path / name).write_text(name)
    folder.passed(tmp_path / "ours")
    folder.passed(tmp_path.parent / "elsewhere")
    assert [file.name for file in folder.news()] == ["theirs"]
