"""The contract with Stripe: which requests it takes, and what its objects look like."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from tests.contract.checking import Checker, Deviation, Json


class NoSuchRoute(Exception):
    """The document knows no such path, or not with this method."""


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    template: str
    method: str
    definition: Json
    ids: dict[str, str]


@dataclass(frozen=True)
class _Route:
    template: str
    pattern: re.Pattern[str]
    names: tuple[str, ...]
    operations: dict[str, Json]


def _compiled(template: str, operations: dict[str, Json]) -> _Route:
    pattern = re.sub(r"\\{[^}]+\\}", r"([^/]+)", re.escape(template))
    names = tuple(re.findall(r"{([^}]+)}", template))
    return _Route(template, re.compile(f"^{pattern}$"), names, operations)


class Contract:
    """A document, asked about requests and about objects."""

    def __init__(self, document: Json) -> None:
        self.version: str = document["info"]["version"]
        schemas: dict[str, Json] = document["components"]["schemas"]
        self.checker = Checker(schemas)
        self.resources = {
            schema["x-resourceId"]: schema
            for schema in schemas.values()
            if schema.get("x-resourceId")
        }
        self.routes = [_compiled(path, ops) for path, ops in document["paths"].items()]
        # Paths without ids win over those with: /invoices/create_preview over /invoices/{invoice}.
        self.routes.sort(key=lambda route: (len(route.names), route.template))

    # ---------------------------------------------------------------- requests

    def operation(self, method: str, path: str) -> Operation:
        """Return the operation a request is meant for.

        Raises:
            NoSuchRoute: the document has none.
        """
        for route in self.routes:
            found = route.pattern.match(path)
            if found is not None and method.lower() in route.operations:
                given = dict(zip(route.names, map(unquote, found.groups()), strict=True))
                definition = route.operations[method.lower()]
                return Operation(route.template, method, definition, given)
        raise NoSuchRoute(f"{method} {path}")

    def check_request(
        self, method: str, path: str, params: Json, *, wire: bool = True
    ) -> list[Deviation]:
        """Return how the parameters of a request deviate, `expand` included."""
        operation = self.operation(method, path)
        found = self.checker.check(params, self._parameters(operation), wire=wire)
        for dotted in _texts(params.get("expand")):
            found += self._check_expand(operation, dotted)
        return found

    def request_errors(self, method: str, path: str, params: Json) -> list[Json]:
        """Return the deviations of a form request as plain data; an unknown route is one."""
        try:
            found = self.check_request(method, path, params)
        except NoSuchRoute as error:
            return [{"param": None, "message": f"Unrecognized request URL ({error})", "code": None}]
        return [{"param": d.param, "message": d.message, "code": d.code} for d in found]

    def _parameters(self, operation: Operation) -> Json:
        content = operation.definition.get("requestBody", {}).get("content", {})
        body: Json = {}
        if content:
            body = self.checker.resolved(next(iter(content.values()))["schema"])
        query = [p for p in operation.definition.get("parameters", []) if p["in"] == "query"]
        expand = {"type": "array", "items": {"type": "string"}}
        return {
            **body,
            "type": "object",
            "additionalProperties": body.get("additionalProperties", False),
            "properties": {
                "expand": expand,
                **body.get("properties", {}),
                **{p["name"]: p["schema"] for p in query},
            },
            "required": [
                *body.get("required", []),
                *(p["name"] for p in query if p.get("required")),
            ],
        }

    def _check_expand(self, operation: Operation, dotted: str) -> list[Deviation]:
        schema = self.checker.resolved(_answer_schema(operation))
        parts = dotted.split(".")
        if "x-list" in schema:
            if parts[0] != "data":
                text = (
                    f"This property cannot be expanded ({dotted}). You may want to try expanding "
                    f"'data.{dotted}' instead."
                )
                return [Deviation(("expand",), text)]
            schema = self.checker.resolved(schema["properties"]["data"]["items"])
            parts = parts[1:]
        for part in parts:
            inner = self._property(schema, part)
            if inner is None:
                return [Deviation(("expand",), f"This property cannot be expanded ({dotted}).")]
            schema = self.checker.resolved(inner)
            if schema.get("type") == "array":
                schema = self.checker.resolved(schema["items"])
        return []

    def _property(self, schema: Json, name: str) -> Json | None:
        alternatives = [self.checker.resolved(a) for a in schema.get("anyOf", [])] or [schema]
        for alternative in alternatives:
            found: Json | None = alternative.get("properties", {}).get(name)
            if found is not None:
                return found
        return None

    # ---------------------------------------------------------------- answers

    def check_answer(self, method: str, path: str, answer: Json) -> list[str]:
        """Return how the answer to a request deviates from what the operation returns."""
        schema = _answer_schema(self.operation(method, path))
        if _is_deleted(answer):
            return []
        return _shown(self.checker.check(answer, schema, wire=False))

    def check_response(self, value: Json, resource: str) -> list[str]:
        """Return how an object deviates from its resource: `invoice`, `checkout.session`, …"""
        schema = self.resources[resource]
        if _is_deleted(value):
            return []
        return _shown(self.checker.check(value, schema, (resource,), wire=False))


def _is_deleted(value: Json) -> bool:
    """Say whether only the stub of a deleted object is left: the SDK has no class of its own."""
    return set(value) == {"id", "object", "deleted"} and value["deleted"] is True


def _answer_schema(operation: Operation) -> Json:
    content = operation.definition.get("responses", {}).get("200", {}).get("content", {})
    schema: Json = content.get("application/json", {}).get("schema", {})
    return schema


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [str(entry) for entry in value.values()]
    return [str(entry) for entry in value or []]


def _shown(deviations: list[Deviation]) -> list[str]:
    return [f"{deviation.param}: {deviation.message}" for deviation in deviations]
