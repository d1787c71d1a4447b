"""State on disk: what changed is written shortly after, never in the way of an answer."""

import json
import pathlib
import sqlite3

from tests.simulators.cardpointe.world import World

_SCHEMA = "CREATE TABLE IF NOT EXISTS state (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id))"


class Snapshot:
    """A SQLite file that follows the rows in memory. One process at a time."""

    def __init__(self, world: World, state_dir: pathlib.Path) -> None:
        self.world = world
        state_dir.mkdir(parents=True, exist_ok=True)
        path = state_dir / "cardpointe.sqlite3"
        self.file = sqlite3.connect(path, isolation_level=None, timeout=0.2)
        # Survives the death of the process; a power cut may cost a simulator its latest rows.
        self.file.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.file.execute("PRAGMA journal_mode = WAL")
        self.file.execute("PRAGMA synchronous = OFF")
        self.file.execute(_SCHEMA)

    def load(self) -> None:
        """Read everything back, in the order it was created."""
        world = self.world
        saved = self.file.execute("SELECT body FROM state WHERE kind = '_world'").fetchone()
        if saved is None:
            return
        world.restore(json.loads(saved[0]))
        world.store.clear()
        rows = self.file.execute("SELECT * FROM state WHERE kind <> '_world' ORDER BY rowid")
        for kind, row_id, body in rows:
            world.store.put(kind, row_id, json.loads(body))
        world.store.dirty.clear()

    def save(self) -> None:
        """Write what changed since the last time, oldest change first."""
        world = self.world
        written, removed = [], []
        for kind, row_id in world.store.dirty:
            row = world.store.find(kind, row_id)
            if row is None:
                removed.append((kind, row_id))
            else:
                written.append((kind, row_id, json.dumps(row, separators=(",", ":"))))
        world.store.dirty.clear()
        written.append(("_world", "", json.dumps(world.shown())))
        self.file.execute("BEGIN")
        self.file.executemany("DELETE FROM state WHERE kind = ? AND id = ?", removed)
        self.file.executemany(
            "INSERT INTO state VALUES (?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            written,
        )
        self.file.execute("COMMIT")

    def close(self) -> None:
        """Write the rest and let go of the file."""
        self.save()
        self.file.close()
