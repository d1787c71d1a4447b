"""State on disk: what changed is written shortly after, never in the way of an answer."""

import asyncio
import itertools
import json
import pathlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from tests.simulators import Json
from tests.simulators.rows import Rows

_SAVE_DELAY_S = 0.05
_SCHEMA = "CREATE TABLE IF NOT EXISTS state (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id))"
_WORLD = "_world"


class StateFile:
    """A SQLite file of rows, and one object on the world they are in. One process at a time."""

    def __init__(self, path: pathlib.Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = sqlite3.connect(path, isolation_level=None, timeout=0.2)
        # Survives the death of the process; a power cut may cost a simulator its latest rows.
        self.file.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.file.execute("PRAGMA journal_mode = WAL")
        self.file.execute("PRAGMA synchronous = OFF")
        self.file.execute(_SCHEMA)

    def world(self) -> Json | None:
        """Return what was written of the world, if anything was."""
        found = self.file.execute("SELECT body FROM state WHERE kind = ?", (_WORLD,)).fetchone()
        world: Json | None = None if found is None else json.loads(found[0])
        return world

    def rows(self) -> Iterator[tuple[str, str, Json]]:
        """Yield kind, id and row, in the order in which they were created."""
        found = self.file.execute("SELECT * FROM state WHERE kind <> ? ORDER BY rowid", (_WORLD,))
        for kind, row_id, body in found:
            yield kind, row_id, json.loads(body)

    def write(self, rows: Rows, world: Json, limit: int | None = None) -> bool:
        """Write what changed since the last time, oldest change first; say whether more is left.

        A limit keeps a single write short: the answers wait meanwhile.
        """
        written, removed = [], []
        for kind, row_id in list(itertools.islice(rows.dirty, limit)):
            del rows.dirty[kind, row_id]
            row = rows.find(kind, row_id)
            if row is None:
                removed.append((kind, row_id))
            else:
                written.append((kind, row_id, json.dumps(row, separators=(",", ":"))))
        written.append((_WORLD, "", json.dumps(world)))
        self.file.execute("BEGIN")
        self.file.executemany("DELETE FROM state WHERE kind = ? AND id = ?", removed)
        self.file.executemany(
            "INSERT INTO state VALUES (?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            written,
        )
        self.file.execute("COMMIT")
        return bool(rows.dirty)

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


class Snapshot(ABC):
    """A file that follows the world of a simulator."""

    def __init__(self, path: pathlib.Path) -> None:
        self.file = StateFile(path)

    @abstractmethod
    def load(self) -> None:
        """Read everything back."""

    @abstractmethod
    def save(self, limit: int | None = None) -> bool:
        """Write what changed, at most so many rows; say whether more is left."""

    def close(self) -> None:
        """Write the rest and let go of the file."""
        self.save()
        self.file.close()


class SavesItself:
    """A simulator whose state is written shortly after it changed, if it has a place for it."""

    # Rows in one write; without it all that changed.
    rows_at_once: ClassVar[int | None] = None

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self.saving: asyncio.TimerHandle | None = None

    def keep_in(self, snapshot: Snapshot) -> None:
        """Read back what a former process wrote, and write there from now on."""
        self.snapshot = snapshot
        snapshot.load()

    def save_soon(self) -> None:
        """Write the state shortly after."""
        if self.snapshot is not None and self.saving is None:
            loop = asyncio.get_running_loop()
            self.saving = loop.call_later(_SAVE_DELAY_S, self._save)

    def _save(self) -> None:
        self.saving = None
        if self.snapshot is not None and self.snapshot.save(self.rows_at_once):
            self.save_soon()

    def close(self) -> None:
        """Write the rest of the state."""
        if self.snapshot is not None:
            self.snapshot.close()
