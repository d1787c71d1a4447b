"""Which state of the gateway is on disk, and how it is read back."""

import pathlib

from tests.simulators import snapshots
from tests.simulators.cardpointe.world import World


class Snapshot(snapshots.Snapshot):
    """A SQLite file that follows the rows in memory. One process at a time."""

    def __init__(self, world: World, state_dir: pathlib.Path) -> None:
        super().__init__(state_dir / "cardpointe.sqlite3")
        self.world = world

    def load(self) -> None:
        """Read everything back, in the order it was created."""
        world, saved = self.world, self.file.world()
        if saved is None:
            return
        world.restore(saved)
        world.store.clear()
        for kind, row_id, row in self.file.rows():
            world.store.put(kind, row_id, row)
        world.store.dirty.clear()
        world.bring_up_to_date()

    def save(self, limit: int | None = None) -> bool:
        """Write what changed since the last time."""
        return self.file.write(self.world.store, self.world.shown(), limit)
