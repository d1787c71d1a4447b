"""Moments that a test comes back to: the whole world as it was then, at once."""

import pickle

from tests.simulators.cardpointe.world import World

_FIELDS = ("offset", "stopped", "counters", "settings", "random")


class Moments:
    """Kept in memory by name; they end with the process."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.kept: dict[str, bytes] = {}

    def keep(self, name: str) -> None:
        """Remember the world as it is now."""
        store = self.world.store
        fields = {field: getattr(self.world, field) for field in _FIELDS}
        self.kept[name] = pickle.dumps((fields, store.tables, store.index))

    def go_back(self, name: str) -> None:
        """Let the world be as it was.

        Raises:
            KeyError: there is no such moment.
        """
        fields, tables, index = pickle.loads(self.kept[name])  # noqa: S301 - our own, from above
        store = self.world.store
        store.clear()
        store.tables, store.index = tables, index
        for kind, table in tables.items():
            for row_id in table:
                store.dirty[kind, row_id] = None
        for field, value in fields.items():
            setattr(self.world, field, value)
