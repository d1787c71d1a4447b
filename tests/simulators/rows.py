"""Everything a simulator knows: rows by kind and id, with the few indexes look-ups need."""

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from tests.simulators import Json


class Rows:
    """Rows in memory. Who changes a row in place says so with `touch`."""

    # kind -> fields that rows are found by; the answer is then not a walk over every row.
    indexed: ClassVar[Mapping[str, tuple[str, ...]]]

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Json]] = {}
        self.index: dict[tuple[str, str, str], dict[str, None]] = {}
        self.dirty: dict[tuple[str, str], None] = {}

    @staticmethod
    def value_of(row: Json, field: str) -> str | None:
        """Return what a row is indexed by, if it is anything."""
        value = row[field]
        return value if isinstance(value, str) else None

    def put(self, kind: str, row_id: str, row: Json) -> Json:
        """Add a row."""
        self.tables.setdefault(kind, {})[row_id] = row
        self.touch(kind, row_id)
        return row

    def touch(self, kind: str, row_id: str) -> None:
        """Note that a row changed: it is indexed again and written with the next snapshot."""
        self.dirty[kind, row_id] = None
        fields = self.indexed.get(kind)
        if fields:
            row = self.tables[kind][row_id]
            for field in fields:
                value = self.value_of(row, field)
                if value is not None:
                    # Entries of former values stay; readers compare the row again.
                    self.index.setdefault((kind, field, value), {})[row_id] = None

    def remove(self, kind: str, row_id: str) -> None:
        """Forget a row."""
        self.tables.get(kind, {}).pop(row_id, None)
        self.dirty[kind, row_id] = None

    def find(self, kind: str, row_id: str) -> Json | None:
        """Return a row or nothing."""
        table = self.tables.get(kind)
        return table.get(row_id) if table is not None else None

    def rows(self, kind: str) -> Iterable[Json]:
        """Return all rows of a kind, oldest first."""
        return self.tables.get(kind, {}).values()

    def where(self, kind: str, field: str, value: str) -> Iterator[Json]:
        """Yield the rows whose indexed field has this value, oldest first."""
        table = self.tables.get(kind, {})
        for row_id in list(self.index.get((kind, field, value), ())):
            row = table.get(row_id)
            if row is not None and self.value_of(row, field) == value:
                yield row

    def clear(self) -> None:
        """Forget everything."""
        for kind, table in self.tables.items():
            for row_id in table:
                self.dirty[kind, row_id] = None
        self.tables.clear()
        self.index.clear()
