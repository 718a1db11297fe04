"""Answers kept for a retry, and records that could not be used."""

from sqlalchemy import Connection, delete, func, insert, select

from stepwire.storage.catalog.interface import StoredAnswer
from stepwire.storage.row import check_text
from stepwire.storage.tables import answers, dead_letters

KEPT_US = 24 * 3600 * 1_000_000
_BURIED_BYTES = 4096


class AnswerRows:
    """The methods of the catalog that make a retry safe."""

    def stored_answer(self, tx: Connection, key: str, now: int) -> StoredAnswer | None:
        """The answer given to this key in the last 24 hours."""
        check_text("Idempotency-Key", key)
        columns = (answers.c.digest, answers.c.status, answers.c.body)
        fresh = answers.c.created_at >= now - KEPT_US
        row = tx.execute(select(*columns).where(answers.c.key == key, fresh)).one_or_none()
        return None if row is None else StoredAnswer(*row)

    def store_answer(self, tx: Connection, key: str, answer: StoredAnswer, now: int) -> None:
        """Remember an answer for 24 hours; older ones are forgotten."""
        check_text("Idempotency-Key", key)
        tx.execute(delete(answers).where((answers.c.created_at < now - KEPT_US) | (answers.c.key == key)))
        tx.execute(
            insert(answers).values(
                key=key, digest=answer.digest, status=answer.status, body=answer.body, created_at=now
            )
        )

    def bury(self, tx: Connection, stream: int, seq: int, reason: str, body: bytes) -> None:
        """Keep the first 4 KiB of a record that can't be used."""
        # The reason may quote the record: what can't be stored is written as its escape.
        said = reason.encode("utf-8", "backslashreplace").decode()
        tx.execute(insert(dead_letters).values(stream=stream, seq=seq, reason=said, body=body[:_BURIED_BYTES]))


def delete_answers(tx: Connection, run_id: str) -> None:
    """Forget what was answered about a run."""
    prefix = f"{run_id}:"
    # Not LIKE: SQLite's takes A for a, and _ and % for anything.
    tx.execute(delete(answers).where(func.substr(answers.c.key, 1, len(prefix)) == prefix))
