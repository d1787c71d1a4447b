"""`expand[]`: ids become objects, and parts that are left out by default are put in."""

from collections.abc import Callable

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.world import World

Tree = dict[str, "Tree"]
Include = Callable[[World, Json], object]

# (kind, field) -> how to make a part that is only in the answer when it is asked for.
INCLUDABLE: dict[tuple[str, str], Include] = {}
_MAX_DEPTH = 4


def includable(kind: str, field: str) -> Callable[[Include], Include]:
    """Register the maker of a part that is left out by default."""

    def register(make: Include) -> Include:
        INCLUDABLE[kind, field] = make
        return make

    return register


def tree_of(paths: list[str]) -> Tree:
    """Return the asked paths as a tree."""
    tree: Tree = {}
    for path in paths:
        parts = path.split(".")
        if len(parts) > _MAX_DEPTH:
            raise Refusal(
                f"You cannot expand more than {_MAX_DEPTH} levels of a property ({path}).",
                param="expand",
            )
        node = tree
        for part in parts:
            node = node.setdefault(part, {})
    return tree


def _refuse(field: str) -> Refusal:
    return Refusal(f"This property cannot be expanded ({field}).", param="expand")


def _expanded(world: World, value: object, subtree: Tree, field: str) -> object:
    if isinstance(value, str):
        # A coupon's id may look like anything.
        kind = "coupon" if field == "coupon" else ids.kind_of(value)
        found = world.store.find(kind, value) if kind else None
        if found is None:
            raise _refuse(field)
        return apply(world, found, subtree)
    if isinstance(value, dict):
        if not subtree and "object" not in value:
            raise _refuse(field)
        return apply(world, value, subtree)
    if isinstance(value, list):
        return [_expanded(world, entry, subtree, field) for entry in value]
    if value is None:
        return None
    raise _refuse(field)


def apply(world: World, row: Json, tree: Tree) -> Json:
    """Return a copy of an object with the tree's paths expanded (the row itself stays as it is)."""
    if not tree:
        return row
    answer = dict(row)
    for field, subtree in tree.items():
        make = INCLUDABLE.get((row.get("object", ""), field))
        if make is not None:
            value = make(world, row)
            answer[field] = _expanded(world, value, subtree, field) if subtree else value
        elif field in row:
            answer[field] = _expanded(world, row[field], subtree, field)
        else:
            raise _refuse(field)
    return answer
