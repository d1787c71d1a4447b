"""One page of what a provider has, for whoever compares all of it with ours."""

import dataclasses
from typing import Generic, TypeVar

RowT_co = TypeVar("RowT_co", covariant=True)


@dataclasses.dataclass(frozen=True, slots=True)
class Page(Generic[RowT_co]):
    """Some rows, newest first; `next_after` is what to ask the next page with, empty at the end."""

    rows: tuple[RowT_co, ...]
    next_after: str = ""
