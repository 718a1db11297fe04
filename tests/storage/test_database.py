"""The data folder: its lock, its permissions, and connections that do only what they may."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from stepwire.errors import DataFolderInUseError, StepwireError
from stepwire.storage.database import driver, open_database
from stepwire.storage.open import open_storage

HOLD = """
import sys
from pathlib import Path
from stepwire.storage.database import open_database
database = open_database(Path(sys.argv[1]))
database.write_url("http://127.0.0.1:8123")
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_server_is_told_who_has_the_folder(tmp_path):
    """Another process gets one line with process id and address; when the owner is killed the folder is free."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout.readline() == "open\n"
        assert json.loads((tmp_path / "stepwire.lock").read_text()) == {
            "pid": owner.pid,
            "url": "http://127.0.0.1:8123",
        }
        with pytest.raises(DataFolderInUseError) as caught:
            open_database(tmp_path)
        owner.kill()
        owner.wait(20)
    assert f"process {owner.pid} at http://127.0.0.1:8123" in caught.value.message
    assert str(tmp_path) in caught.value.message
    assert "\n" not in caught.value.message
    open_database(tmp_path).close()


def test_a_second_open_in_one_process_is_refused(database):
    """The lock holds inside a process too, and a refused open doesn't take it away."""
    for _ in range(2):
        with pytest.raises(DataFolderInUseError, match=str(os.getpid())):
            open_database(database.folder)


def test_an_owner_that_is_not_named_yet_is_still_refused(database):
    """A lock file that is being written doesn't confuse the one who is refused."""
    (database.folder / "stepwire.lock").write_text("{")
    with pytest.raises(DataFolderInUseError, match="another process"):
        open_database(database.folder)


def test_a_read_sees_one_moment_throughout(database, writer):
    """Statements of SQLAlchemy and of the driver alike: what is committed meanwhile is not there."""
    query = "SELECT count(*) FROM meta"
    with database.read() as connection:
        before = driver(connection).execute(query).fetchone()[0]
        writer.submit(lambda tx: tx.exec_driver_sql("INSERT INTO meta VALUES ('more', '1')")).result(20)
        assert driver(connection).execute(query).fetchone()[0] == before
        assert connection.exec_driver_sql(query).scalar_one() == before
    with database.read() as connection:
        assert driver(connection).execute(query).fetchone()[0] == before + 1


def test_nobody_else_may_read_what_is_stored(tmp_path):
    """The new folder is 0700 and every file in it 0600, whatever the umask."""
    before = os.umask(0)
    try:
        storage = open_storage(tmp_path / "new" / "data")
        storage.writer.submit(lambda tx: storage.series.open_stream(tx, "a", "w")).result(20)
        files = {path.name: path.stat().st_mode & 0o777 for path in storage.database.folder.iterdir()}
        storage.close()
    finally:
        os.umask(before)
    assert (tmp_path / "new" / "data").stat().st_mode & 0o777 == 0o700
    assert set(files.values()) == {0o600}
    assert {"dashboard.db", "dashboard.db-wal", "stepwire.lock"} <= set(files)


def test_the_writing_connection_is_durable(database):
    """WAL, a sync at each COMMIT, incremental vacuum from the first page, references checked."""
    with database.writer.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "auto_vacuum", "foreign_keys", "wal_autocheckpoint")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "auto_vacuum": 2,
        "foreign_keys": 1,
        "wal_autocheckpoint": 4000,
    }


@pytest.mark.parametrize("statement", ["INSERT INTO meta VALUES ('a', 'b')", "DROP TABLE meta", "VACUUM"])
def test_a_reading_connection_cannot_write(database, statement):
    """Neither rows nor tables nor the file, even when query_only is taken away."""
    for before in ("SELECT 1", "PRAGMA query_only=OFF"):
        with database.read() as connection, pytest.raises(OperationalError):
            connection.exec_driver_sql(before)
            connection.exec_driver_sql(statement)


def test_a_reader_sees_one_moment(database):
    """Two queries of one reading agree, although a write was committed between them."""
    count = "SELECT count(*) FROM meta"
    with database.read() as connection:
        before = connection.exec_driver_sql(count).scalar_one()
        with database.writer.begin() as tx:
            tx.exec_driver_sql("INSERT INTO meta VALUES ('a', 'b')")
        assert connection.exec_driver_sql(count).scalar_one() == before
    with database.read() as connection:
        assert connection.exec_driver_sql(count).scalar_one() == before + 1


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path):
    """The file is left as it is, and the folder is free again."""
    (tmp_path / "dashboard.db").write_bytes(b"these are not the bytes of a database" * 100)
    for _ in range(2):
        with pytest.raises(StepwireError, match=r"dashboard\.db") as caught:
            open_database(tmp_path)
        assert "\n" not in caught.value.message
    assert (tmp_path / "dashboard.db").read_bytes().startswith(b"these are not")


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path):
    """A file in its place is named, not a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StepwireError, match="file"):
        open_database(tmp_path / "file" / "data")


def test_opening_storage_does_not_load_numpy(tmp_path):
    """The server listens before NumPy is loaded."""
    code = (
        "import sys; from pathlib import Path; from stepwire.storage.open import open_storage; "
        "open_storage(Path(sys.argv[1])).close(); print('numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "False\n"


def test_the_server_id_survives_a_restart(tmp_path):
    """A database keeps its identity."""
    ids = []
    for _ in range(2):
        storage = open_storage(Path(tmp_path))
        ids.append(storage.catalog.server_id())
        storage.close()
    assert ids[0] == ids[1]
