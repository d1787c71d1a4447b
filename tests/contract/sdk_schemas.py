"""JSON schemas from the annotations of the stripe package."""

import ast
from typing import Any

from tests.contract import sdk_source
from tests.contract.sdk_source import Module

Json = dict[str, Any]

_PRIMITIVES: dict[str, Json] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "Any": {},
    "object": {},
    "Decimal": {"type": "string", "format": "decimal"},
}
_FREE = {"type": "object", "additionalProperties": {}}


class Schemas:
    """The schemas met so far. `direction` is "in" for parameters and "out" for resources."""

    def __init__(self) -> None:
        self.done: dict[str, Json] = {}
        self.pending: list[tuple[str, Module, str, str]] = []

    def build_pending(self) -> None:
        """Fill in every class that was referred to."""
        while self.pending:
            self._build(*self.pending.pop())

    def schema(self, annotation: ast.expr, where: Module, scope: str, direction: str) -> Json:
        """Return the schema of an annotation."""
        if isinstance(annotation, ast.Constant):
            if annotation.value is None:
                return {"nullable": True}
            text = str(annotation.value).strip().replace("\n", " ")
            return self.schema(ast.parse(text, mode="eval").body, where, scope, direction)
        if isinstance(annotation, ast.BinOp):
            sides = [annotation.left, annotation.right]
            return _union([self.schema(side, where, scope, direction) for side in sides])
        if isinstance(annotation, (ast.Name, ast.Attribute)):
            return self._named(ast.unparse(annotation), where, scope, direction)
        if isinstance(annotation, ast.Subscript):
            return self._generic(annotation, where, scope, direction)
        return {"x-unresolved": ast.unparse(annotation)}

    def _named(self, name: str, where: Module, scope: str, direction: str) -> Json:
        if name in _PRIMITIVES:
            return dict(_PRIMITIVES[name])
        found = sdk_source.resolve(where, scope, name)
        if found is None:
            return {"x-unresolved": name}
        if found[0].name == "stripe._stripe_object":
            return dict(_FREE)
        return self._reference(*found, direction)

    def _reference(self, where: Module, qualified: str, direction: str) -> Json:
        name = sdk_source.object_name(where.classes[qualified]) if direction == "out" else None
        key = name or f"{where.name.removeprefix('stripe.')}:{qualified}"
        key = key.replace("/", "_")
        if key not in self.done:
            self.done[key] = {}
            self.pending.append((key, where, qualified, direction))
        return {"$ref": f"#/components/schemas/{key}"}

    def _generic(self, node: ast.Subscript, where: Module, scope: str, direction: str) -> Json:
        base = ast.unparse(node.value).rpartition(".")[2]
        arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if base == "Literal":
            values = [entry.value for entry in arguments if isinstance(entry, ast.Constant)]
            kind = "boolean" if values == [True] else "string"
            return {"type": kind, "enum": values}
        inner = [self.schema(argument, where, scope, direction) for argument in arguments]
        return _composed(base, inner) or {"x-unresolved": ast.unparse(node)}

    def _build(self, key: str, where: Module, qualified: str, direction: str) -> None:
        properties: dict[str, Json] = {}
        required = []
        for given, annotation in sdk_source.fields_of(where, qualified):
            text = ast.unparse(annotation)
            if "ClassVar" in text or given.startswith("_"):
                continue
            name = "from" if given == "from_" else given
            schema = properties[name] = self.schema(annotation, where, qualified, direction)
            if direction == "in":
                needed = not text.startswith("NotRequired")
            else:
                needed = not schema.get("nullable")
            if needed:
                required.append(name)
        built: Json = {"type": "object", "properties": properties, "additionalProperties": False}
        if required:
            built["required"] = required
        name_of = sdk_source.object_name(where.classes[qualified]) if direction == "out" else None
        if name_of:
            built["x-resourceId"] = name_of
        self.done[key].update(built)


def _composed(base: str, inner: list[Json]) -> Json | None:
    """Return the schema of a generic such as `Optional[...]`, or None for an unknown one."""
    first = inner[0]
    free: Json = {"type": "object", "additionalProperties": inner[-1]}
    array: Json = {"type": "array", "items": first}
    found: dict[str, Json] = {
        "NotRequired": first,
        "Required": first,
        "ClassVar": first,
        "Optional": {**({"allOf": [first]} if "$ref" in first else first), "nullable": True},
        "Union": _union(inner),
        "List": array,
        "Sequence": array,
        "Dict": free,
        "UntypedStripeObject": free,
        "Mapping": free,
        "ExpandableField": {"anyOf": [{"type": "string"}, first], "x-expandable": True},
        "ListObject": _list(first, "list"),
        "SearchResultObject": _list(first, "search_result"),
    }
    return found.get(base)


def _list(items: Json, kind: str) -> Json:
    return {
        "type": "object",
        "additionalProperties": False,
        "x-list": kind,
        "required": ["data", "has_more", "object", "url"],
        "properties": {
            "object": {"type": "string", "enum": [kind]},
            "data": {"type": "array", "items": items},
            "has_more": {"type": "boolean"},
            "url": {"type": "string"},
            "total_count": {"type": "integer"},
            "next_page": {"type": "string", "nullable": True},
        },
    }


def _union(schemas: list[Json]) -> Json:
    flat = [part for schema in schemas for part in schema.get("anyOf", [schema])]
    words = [part for part in flat if part.get("enum") not in (None, [""])]
    if words and {"type": "string"} in flat:
        # `Literal[...] | str`: an open enumeration in the SDK, a closed one in a request.
        flat = [part for part in flat if part != {"type": "string"}]
        flat = [{**part, "x-open-enum": True} if part in words else part for part in flat]
    return flat[0] if len(flat) == 1 else {"anyOf": flat}
