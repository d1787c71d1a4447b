"""Whether a value fits a schema: strings from a form, or JSON."""

import json
import re
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_WIRE = {
    "integer": re.compile(r"[+-]?\d+"),
    "number": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)"),
    "boolean": re.compile(r"true|false", re.IGNORECASE),
}
_PYTHON: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "boolean": (),
}


@dataclass(frozen=True)
class Deviation:
    """One way in which a value does not fit, worded as Stripe words it."""

    path: tuple[str, ...]
    message: str
    code: str | None = None

    @property
    def param(self) -> str | None:
        """Return the path as a parameter name: `items[0][price]`."""
        if not self.path:
            return None
        return self.path[0] + "".join(f"[{part}]" for part in self.path[1:])


def _name(path: tuple[str, ...]) -> str:
    return Deviation(path, "").param or ""


class Checker:
    """Checks values against the schemas of one document.

    `wire`: values are form strings, lists may be index-keyed objects, and "" unsets.
    """

    def __init__(self, schemas: dict[str, Json]) -> None:
        self.schemas = schemas

    def resolved(self, schema: Json) -> Json:
        """Return a schema with its reference followed; what may be null stays so."""
        nullable = False
        while True:
            nullable = nullable or schema.get("nullable", False)
            if "$ref" in schema:
                schema = self.schemas.get(schema["$ref"].rpartition("/")[2], {})
            elif len(schema.get("allOf", [])) == 1:
                schema = schema["allOf"][0]
            else:
                return {**schema, "nullable": True} if nullable else schema

    def check(
        self, value: object, schema: Json, path: tuple[str, ...] = (), *, wire: bool
    ) -> list[Deviation]:
        """Return how a value deviates from a schema; nothing if it fits."""
        schema = self.resolved(schema)
        if _is_absent(value, schema, wire=wire):
            return []
        if "anyOf" in schema:
            return self._check_any(value, schema, path, wire=wire)
        kind = schema.get("type")
        if kind == "object" or (kind is None and "properties" in schema):
            return self._check_object(value, schema, path, wire=wire)
        if kind == "array":
            return self._check_array(value, schema, path, wire=wire)
        if isinstance(value, (dict, list)) and kind is not None:
            shown = json.dumps(value)[:80]
            return [Deviation(path, f"Invalid {kind}: {shown}", "parameter_invalid_type")]
        return _check_scalar(value, schema, path, wire=wire)

    def _check_any(
        self, value: object, schema: Json, path: tuple[str, ...], *, wire: bool
    ) -> list[Deviation]:
        tries = []
        for alternative in schema["anyOf"]:
            found = self.check(value, alternative, path, wire=wire)
            if not found:
                return []
            tries.append(found)

        def closeness(found: list[Deviation]) -> tuple[int, bool, int]:
            # The alternative of the right kind got furthest before it failed.
            deepest = max(len(deviation.path) for deviation in found)
            return deepest, "must be one of" not in found[0].message, -len(found)

        return max(tries, key=closeness)

    def _check_object(
        self, value: object, schema: Json, path: tuple[str, ...], *, wire: bool
    ) -> list[Deviation]:
        if not isinstance(value, dict):
            return [Deviation(path, "Invalid object", "parameter_invalid_type")]
        properties = schema.get("properties", {})
        extra = schema.get("additionalProperties")
        found = []
        for name, inner in value.items():
            here = (*path, name)
            if name in properties:
                found += self.check(inner, properties[name], here, wire=wire)
            elif isinstance(extra, dict):
                found += self.check(inner, extra, here, wire=wire)
            elif properties or extra is False:
                text = f"Received unknown parameter: {_name(here)}"
                found.append(Deviation(here, text, "parameter_unknown"))
        for name in schema.get("required", []):
            if name not in value:
                here = (*path, name)
                text = f"Missing required param: {_name(here)}."
                found.append(Deviation(here, text, "parameter_missing"))
        return found

    def _check_array(
        self, value: object, schema: Json, path: tuple[str, ...], *, wire: bool
    ) -> list[Deviation]:
        if wire and isinstance(value, dict) and all(str(key).isdigit() for key in value):
            value = [value[key] for key in sorted(value, key=int)]
        if not isinstance(value, list):
            return [Deviation(path, "Invalid array", "parameter_invalid_type")]
        found = []
        for index, inner in enumerate(value):
            found += self.check(inner, schema.get("items", {}), (*path, str(index)), wire=wire)
        return found


def _is_absent(value: object, schema: Json, *, wire: bool) -> bool:
    """Say whether a value is a null, or an empty form value that unsets, where that may be."""
    if value is None:
        return bool(schema.get("nullable"))
    if not wire or value != "" or "anyOf" in schema:
        return False
    if schema.get("type") in ("object", "array", "integer", "number", "boolean"):
        return False
    return "enum" not in schema or "" in schema["enum"]


def _check_scalar(
    value: object, schema: Json, path: tuple[str, ...], *, wire: bool
) -> list[Deviation]:
    kind = schema.get("type")
    if not _fits(value, kind, wire=wire):
        code = f"parameter_invalid_{'decimal' if kind == 'number' else kind}"
        if value == "":
            code = "parameter_invalid_empty"
        return [Deviation(path, f"Invalid {kind}: {value}", code)]
    if kind == "boolean" and "enum" in schema:
        value = str(value).lower() == "true"
    words = schema.get("enum")
    if words and value not in words:
        shown = [str(word) for word in words if word != ""]
        listed = (", ".join(shown[:-1]) + ", or " if shown[1:] else "") + "".join(shown[-1:])
        return [Deviation(path, f"Invalid {_name(path)}: must be one of {listed}")]
    return []


def _fits(value: object, kind: str | None, *, wire: bool) -> bool:
    if kind is None:
        return True
    if wire:
        pattern = _WIRE.get(kind)
        return pattern is None or pattern.fullmatch(str(value)) is not None
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _PYTHON[kind])
