"""Everything the simulator knows: rows by kind and id, with the indexes look-ups need."""

from collections.abc import Iterable, Iterator

from tests.simulators.cardpointe import Json

# kind -> fields that rows are found by; the answer is then not a walk over every row.
_INDEXED: dict[str, tuple[str, ...]] = {
    "txn": ("orderid", "batchid", "parent_retref"),
    "batch": ("merchid", "hoststat"),
    "account": ("profileid", "token"),
}


class Store:
    """Rows in memory. Who changes a row in place says so with `touch`."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Json]] = {}
        self.index: dict[tuple[str, str, str], dict[str, None]] = {}
        self.dirty: dict[tuple[str, str], None] = {}

    def put(self, kind: str, row_id: str, row: Json) -> Json:
        """Add a row."""
        self.tables.setdefault(kind, {})[row_id] = row
        self.touch(kind, row_id)
        return row

    def touch(self, kind: str, row_id: str) -> None:
        """Note that a row changed: it is indexed again and written with the next snapshot."""
        self.dirty[kind, row_id] = None
        row = self.tables[kind][row_id]
        for field in _INDEXED.get(kind, ()):
            # Entries of former values stay; readers compare the row again.
            self.index.setdefault((kind, field, row[field]), {})[row_id] = None

    def remove(self, kind: str, row_id: str) -> None:
        """Forget a row."""
        self.tables.get(kind, {}).pop(row_id, None)
        self.dirty[kind, row_id] = None

    def find(self, kind: str, row_id: str) -> Json | None:
        """Return a row or nothing."""
        return self.tables.get(kind, {}).get(row_id)

    def rows(self, kind: str) -> Iterable[Json]:
        """Return all rows of a kind, oldest first."""
        return self.tables.get(kind, {}).values()

    def where(self, kind: str, field: str, value: str) -> Iterator[Json]:
        """Yield the rows whose indexed field has this value, oldest first."""
        table = self.tables.get(kind, {})
        found = self.index.get((kind, field, value), {})
        for row_id in list(found):
            row = table.get(row_id)
            if row is not None and row[field] == value:
                yield row
            else:
                del found[row_id]

    def clear(self) -> None:
        """Forget everything."""
        for kind, table in self.tables.items():
            for row_id in table:
                self.dirty[kind, row_id] = None
        self.tables.clear()
        self.index.clear()
