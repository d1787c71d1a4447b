"""A world to try things out in: it starts as the real one is, and nothing in it is kept."""

from collections.abc import Iterable, Iterator

from tests.simulators.stripe import Json
from tests.simulators.stripe.store import Store, copied
from tests.simulators.stripe.world import World


class _Copies(Store):
    """Rows copied from another store when they are first asked for; the others cost nothing."""

    def __init__(self, base: Store) -> None:
        super().__init__()
        self.base = base
        self.gone: set[tuple[str, str]] = set()

    def find(self, kind: str, row_id: str) -> Json | None:
        """Return a row of its own."""
        own = super().find(kind, row_id)
        if own is not None or (kind, row_id) in self.gone:
            return own
        row = self.base.find(kind, row_id)
        if row is None:
            return None
        if kind == "subscription_item" and self.find("subscription", row["subscription"]):
            # Loaded with its subscription, of which it is a part.
            found = super().find(kind, row_id)
            if found is not None:
                return found
        mine = self.put(kind, row_id, copied(row))
        if kind == "subscription":
            for item in mine["items"]["data"]:
                self.put("subscription_item", item["id"], item)
        return mine

    def remove(self, kind: str, row_id: str) -> None:
        """Forget a row here only."""
        super().remove(kind, row_id)
        self.gone.add((kind, row_id))

    def rows(self, kind: str) -> Iterable[Json]:
        """Return all rows of a kind, oldest first."""
        known = dict.fromkeys(self.base.tables.get(kind, {}))
        known.update(dict.fromkeys(self.tables.get(kind, {})))
        return [row for row_id in known if (row := self.find(kind, row_id)) is not None]

    def where(self, kind: str, field: str, value: str) -> Iterator[Json]:
        """Yield the rows whose indexed field has this value, oldest first."""
        known = {row["id"]: None for row in self.base.where(kind, field, value)}
        known.update(self.index.get((kind, field, value), {}))
        for row_id in known:
            row = self.find(kind, row_id)
            if row is not None and self.value_of(row, field) == value:
                yield row


class Rehearsal(World):
    """A world over another one: no event leaves it, no job is noted, the clock stands."""

    def __init__(self, world: World) -> None:
        super().__init__(public_url=world.public_url)
        self.store = _Copies(world.store)
        self.settings = world.settings
        self.frozen = world.now()
        self.clock_id = world.clock_id

    def schedule(self, moment: int, job: str, row_id: str) -> None:
        """Do nothing."""

    def emit(self, type_: str, row: Json, previous: Json | None = None) -> None:
        """Do nothing."""
