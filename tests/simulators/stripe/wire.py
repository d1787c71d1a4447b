"""What comes over the wire: `a[b][0][c]=v` forms, and typed reading of their values."""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl

from tests.simulators.stripe import Json
from tests.simulators.stripe.errors import Refusal, missing

_PARTS = re.compile(r"^[^\[]+|\[[^\]]*\]")
_MAX_PAIRS = 2000


def decode(pairs: Iterable[tuple[str, str]]) -> Json:
    """Return the nested object that bracketed keys spell out; lists become index-keyed objects."""
    root: Json = {}
    for key, value in pairs:
        if "[" not in key:
            root[key] = value
            continue
        head, *rest = _PARTS.findall(key) or [key]
        node = root
        parts = [head, *(part[1:-1] for part in rest)]
        for depth, part in enumerate(parts):
            name = part or str(len(node))
            if depth == len(parts) - 1:
                node[name] = value
                break
            child = node.setdefault(name, {})
            if not isinstance(child, dict):
                raise Refusal(f"Invalid object: {key}", param=key)
            node = child
    return root


def decode_form(text: str) -> Json:
    """Return the nested object of a query string or a form body."""
    if not text:
        return {}
    try:
        return decode(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_PAIRS))
    except ValueError as error:
        raise Refusal(f"The request could not be decoded: {error}") from error


class Params:
    """The parameters of a request, read by type; remembers which were read.

    What no handler read is reported in the request log as ignored, so that a parameter the
    simulator does not act on is never silently swallowed.
    """

    def __init__(self, data: Json, path: str = "") -> None:
        self.data = data
        self.path = path
        self.used: set[str] = set()

    def name(self, key: str) -> str:
        """Return the full name of a parameter as Stripe writes it: `items[0][price]`."""
        return f"{self.path}[{key}]" if self.path else key

    def has(self, key: str) -> bool:
        """Say whether the parameter was sent, even empty."""
        self.used.add(key)
        return key in self.data

    def raw(self, key: str) -> object:
        """Return the value as it was decoded."""
        self.used.add(key)
        return self.data.get(key)

    def text(self, key: str) -> str | None:
        """Return a text; an empty one, which unsets, is None."""
        value = self.raw(key)
        if isinstance(value, dict):
            raise Refusal(f"Invalid string: {value}", param=self.name(key))
        return str(value) if value not in (None, "") else None

    def need(self, key: str) -> str:
        """Return a text that has to be there."""
        value = self.text(key)
        if value is None:
            raise missing(self.name(key))
        return value

    def choice(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        """Return one of the allowed words."""
        value = self.text(key) or default
        if value not in allowed:
            words = ", ".join(allowed[:-1]) + f", or {allowed[-1]}"
            raise Refusal(f"Invalid {self.name(key)}: must be one of {words}", param=self.name(key))
        return value

    def integer(self, key: str) -> int | None:
        """Return a whole number."""
        value = self.text(key)
        if value is None:
            return None
        try:
            return int(value)
        except ValueError:
            raise Refusal(
                f"Invalid integer: {value}",
                code="parameter_invalid_integer",
                param=self.name(key),
            ) from None

    def boolean(self, key: str, *, default: bool = False) -> bool:
        """Return true or false."""
        value = self.text(key)
        if value is None:
            return default
        if value.lower() not in ("true", "false"):
            raise Refusal(f"Invalid boolean: {value}", param=self.name(key))
        return value.lower() == "true"

    def inside(self, key: str) -> "Params":
        """Return the parameters of a nested object (empty when absent or unset)."""
        value = self.raw(key)
        if value in (None, ""):
            return Params({}, self.name(key))
        if not isinstance(value, dict):
            raise Refusal("Invalid object", code="parameter_invalid_type", param=self.name(key))
        return Params(value, self.name(key))

    def each(self, key: str) -> Iterator["Params"]:
        """Yield the parameters of every object of a list."""
        listed = self.inside(key)
        for index in sorted(listed.data, key=lambda name: int(name) if name.isdigit() else 0):
            yield listed.inside(index)

    def texts(self, key: str) -> list[str]:
        """Return a list of texts."""
        listed = self.inside(key)
        return [str(listed.data[index]) for index in listed.data]

    def table(self, key: str) -> Json:
        """Return a flat or nested object exactly as sent."""
        return dict(self.inside(key).data)

    def ignored(self) -> list[str]:
        """Return the names nobody read."""
        return sorted(set(self.data) - self.used)


def merge_metadata(current: Json, params: Params) -> Json:
    """Return metadata with the sent keys merged in: an empty value unsets, an empty all clears."""
    if not params.has("metadata"):
        return current
    if params.raw("metadata") == "":
        return {}
    merged = {**current, **{k: str(v) for k, v in params.table("metadata").items()}}
    return {key: value for key, value in merged.items() if value != ""}
