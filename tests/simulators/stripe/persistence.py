"""Which state of the account is on disk, and how it is read back."""

import pathlib

from tests.simulators import snapshots
from tests.simulators.stripe.world import World


class Snapshot(snapshots.Snapshot):
    """A SQLite file that follows the rows in memory. One process at a time."""

    def __init__(self, world: World, state_dir: pathlib.Path) -> None:
        super().__init__(state_dir / "stripe.sqlite3")
        self.world = world
        self.clock = world.offset

    def load(self) -> None:
        """Read everything back, in the order it was created."""
        world, saved = self.world, self.file.world()
        if saved is not None:
            world.offset, world.settings = saved["offset"], saved["settings"]
        for kind, row_id, row in self.file.rows():
            world.store.put(kind, row_id, row)
        world.store.relink()
        world.restore_agendas()
        world.store.dirty.clear()
        self.clock = world.offset

    def save(self, limit: int | None = None) -> bool:
        """Write what changed since the last time; say whether more is left."""
        world = self.world
        if not world.store.dirty and self.clock == world.offset:
            return False
        self.clock = world.offset
        settings = {"offset": world.offset, "settings": world.settings}
        return self.file.write(world.store, settings, limit)
