"""State on disk: what changed is written shortly after, never in the way of an answer."""

import itertools
import json
import pathlib
import sqlite3

from tests.simulators.stripe.world import World

_SCHEMA = "CREATE TABLE IF NOT EXISTS state (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id))"


class Snapshot:
    """A SQLite file that follows the rows in memory. One process at a time."""

    def __init__(self, world: World, state_dir: pathlib.Path) -> None:
        self.world = world
        state_dir.mkdir(parents=True, exist_ok=True)
        self.file = sqlite3.connect(state_dir / "stripe.sqlite3", isolation_level=None, timeout=0.2)
        # Survives the death of the process; a power cut may cost a simulator its latest rows.
        self.file.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.file.execute("PRAGMA journal_mode = WAL")
        self.file.execute("PRAGMA synchronous = OFF")
        self.file.execute(_SCHEMA)
        self.clock = world.offset

    def load(self) -> None:
        """Read everything back, in the order it was created."""
        world = self.world
        for kind, row_id, body in self.file.execute("SELECT * FROM state ORDER BY rowid"):
            value = json.loads(body)
            if kind == "_world":
                world.offset, world.settings = value["offset"], value["settings"]
            else:
                world.store.put(kind, row_id, value)
        world.store.relink()
        world.restore_agendas()
        world.store.dirty.clear()
        self.clock = world.offset

    def save(self, limit: int | None = None) -> bool:
        """Write what changed since the last time, oldest change first; say whether more is left.

        A limit keeps a single write short: the answers wait meanwhile.
        """
        world = self.world
        dirty = world.store.dirty
        if not dirty and self.clock == world.offset:
            return False
        self.clock = world.offset
        written, removed = [], []
        for kind, row_id in list(itertools.islice(dirty, limit)):
            del dirty[kind, row_id]
            row = world.store.find(kind, row_id)
            if row is None:
                removed.append((kind, row_id))
            else:
                written.append((kind, row_id, json.dumps(row, separators=(",", ":"))))
        settings = {"offset": world.offset, "settings": world.settings}
        written.append(("_world", "", json.dumps(settings)))
        self.file.execute("BEGIN")
        self.file.executemany("DELETE FROM state WHERE kind = ? AND id = ?", removed)
        self.file.executemany(
            "INSERT INTO state VALUES (?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            written,
        )
        self.file.execute("COMMIT")
        return bool(dirty)

    def close(self) -> None:
        """Write the rest and let go of the file."""
        self.save()
        self.file.close()
