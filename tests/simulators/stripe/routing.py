"""Which function answers which path, and what it is handed."""

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.simulators.stripe import Json
from tests.simulators.stripe.errors import Refusal, no_such
from tests.simulators.stripe.wire import Params
from tests.simulators.stripe.world import World


@dataclass
class Call:
    """One API request, decoded and let in."""

    world: World
    params: Params
    path: str
    ids: tuple[str, ...] = ()
    publishable: bool = False
    notes: Json = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Return the id in the path."""
        return self.ids[0]


Handler = Callable[[Call], Json]


@dataclass(frozen=True)
class Route:
    """A path with its handler.

    `browser`: a publishable key may call it from any page. `documented`: Stripe publishes it, so
    the contract has a say.
    """

    method: str
    segments: tuple[str, ...]
    handler: Handler
    browser: bool
    documented: bool = True


_EXACT: dict[tuple[str, str], Route] = {}
_BY_SHAPE: dict[tuple[str, int], list[Route]] = {}


def route(
    method: str, path: str, *, browser: bool = False, documented: bool = True
) -> Callable[[Handler], Handler]:
    """Register the function for a method and a path with `{}` where ids stand."""

    def register(handler: Handler) -> Handler:
        segments = tuple(path.strip("/").split("/"))
        entry = Route(method, segments, handler, browser, documented)
        if "{}" in segments:
            shape = _BY_SHAPE.setdefault((method, len(segments)), [])
            shape.append(entry)
            shape.sort(key=lambda known: known.segments.count("{}"))
        else:
            _EXACT[method, path] = entry
        return handler

    return register


def all_routes() -> set[tuple[str, str]]:
    """Return every method and path that Stripe publishes too, ids as `{}`."""
    shaped = [entry for shape in _BY_SHAPE.values() for entry in shape]
    return {
        (entry.method, "/" + "/".join(entry.segments))
        for entry in [*_EXACT.values(), *shaped]
        if entry.documented
    }


def match(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """Return the route and the ids in the path; refuse an unknown URL."""
    exact = _EXACT.get((method, path))
    if exact is not None:
        return exact, ()
    segments = path.strip("/").split("/")
    for candidate in _BY_SHAPE.get((method, len(segments)), ()):
        found = []
        for pattern, given in zip(candidate.segments, segments, strict=True):
            if pattern == "{}" and given:
                found.append(given)
            elif pattern != given:
                break
        else:
            return candidate, tuple(found)
    raise Refusal(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we "
        "can help at https://support.stripe.com/.",
        status=404,
    )


def browser_may_call(method: str, path: str) -> bool:
    """Say whether a page of another origin may call this (the answer to a CORS preflight)."""
    try:
        return match(method, path)[0].browser
    except Refusal:
        return False


_RANGES: dict[str, Callable[[int, int], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def in_range(params: Params, key: str, value: int) -> bool:
    """Say whether a time passes a filter such as `created[gte]`."""
    if not params.has(key):
        return True
    if not isinstance(params.raw(key), dict):
        return value == params.integer(key)
    bounds = params.inside(key)
    limits = {name: bounds.integer(name) for name in _RANGES}
    return all(_RANGES[name](value, limit) for name, limit in limits.items() if limit is not None)


def listing(call: Call, rows: Iterable[Json], *, kind: str) -> Json:
    """Return one page of rows that come oldest first: newest first, with Stripe's cursors."""
    params = call.params
    limit = params.integer("limit")
    limit = 10 if limit is None else limit
    if not 1 <= limit <= 100:
        raise Refusal(
            "This value must be greater than or equal to 1 (and at most 100).",
            code="parameter_invalid_integer",
            param="limit",
        )
    if params.has("created"):
        found = [row for row in rows if in_range(params, "created", row["created"])]
    else:
        found = list(rows)
    found.reverse()
    after, before = params.text("starting_after"), params.text("ending_before")
    start = _position(call, found, after, "starting_after", kind) + 1 if after else 0
    if before is not None:
        earlier = found[: _position(call, found, before, "ending_before", kind)]
        page, more = earlier[-limit:], len(earlier) > limit
    else:
        page, more = found[start : start + limit], len(found) > start + limit
    return {"object": "list", "url": call.path, "has_more": more, "data": page}


def _position(call: Call, found: list[Json], cursor: str, param: str, kind: str) -> int:
    call.world.store.get(kind, cursor, param=param)
    for position, row in enumerate(found):
        if row["id"] == cursor:
            return position
    raise no_such(kind, cursor, param=param, status=400)
