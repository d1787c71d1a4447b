"""Everything the simulator knows: rows by kind and id, with the indexes look-ups need."""

from collections.abc import Iterator

from tests.simulators.cardpointe import Json
from tests.simulators.rows import Rows

# kind -> fields that rows are found by; the answer is then not a walk over every row.
_INDEXED: dict[str, tuple[str, ...]] = {
    "txn": ("orderid", "batchid", "parent_retref"),
    "batch": ("merchid", "hoststat"),
    "account": ("profileid", "token"),
}


class Store(Rows):
    """Rows in memory. Who changes a row in place says so with `touch`."""

    indexed = _INDEXED

    def where(self, kind: str, field: str, value: str) -> Iterator[Json]:
        """Yield the rows whose indexed field has this value, and forget entries that are old."""
        table = self.tables.get(kind, {})
        found = self.index.get((kind, field, value), {})
        for row_id in list(found):
            row = table.get(row_id)
            if row is not None and row[field] == value:
                yield row
            else:
                del found[row_id]
