"""Derive an OpenAPI document from the installed stripe package.

    python -m tests.contract.spec_from_sdk [FILE]

Paths come from the services' calls, parameters from the TypedDicts, schemas from the resource
classes. The document is that of exactly the version the SDK speaks.
"""

import ast
import json
import pathlib
import re
import sys
import tempfile
from typing import Any

from tests.contract import sdk_source
from tests.contract.sdk_schemas import Json, Schemas

CACHE = pathlib.Path(__file__).resolve().parents[2] / "var" / "contract"
# Raise when the derivation changes: an older cached document is then not used any more.
_FORMAT = 2


def _constant(file: str, name: str) -> str:
    text = (sdk_source.ROOT / file).read_text(encoding="utf-8")
    found = re.search(rf'{name} = "([^"]+)"', text)
    if found is None:
        raise LookupError(f"no {name} in stripe/{file}")
    return found[1]


def _request_of(function: ast.FunctionDef) -> ast.Call | None:
    """Return the call that sends the request of a service's method."""
    for node in ast.walk(function):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("_request", "_request_stream")
            and len(node.args) >= 2
        ):
            return node
    return None


def _url_of(call: ast.Call) -> str | None:
    given = call.args[1]
    if isinstance(given, ast.Call) and isinstance(given.func, ast.Attribute):
        given = given.func.value  # "/v1/customers/{customer}".format(...)
    return str(given.value) if isinstance(given, ast.Constant) else None


def _operation(
    schemas: Schemas, where: sdk_source.Module, owner: str, function: ast.FunctionDef
) -> tuple[str, str, Json] | None:
    call = _request_of(function)
    url = _url_of(call) if call is not None else None
    if call is None or url is None or not isinstance(call.args[0], ast.Constant):
        return None
    verb = str(call.args[0].value)
    annotations = {argument.arg: argument.annotation for argument in function.args.args}
    annotation = annotations.get("params")
    schema: Json = {}
    if annotation is not None:
        schema = schemas.schema(annotation, where, "", "in")
        schema.pop("nullable", None)
        schema = schema["allOf"][0] if "allOf" in schema else schema
    operation: Json = {
        "operationId": f"{owner.removesuffix('Service')}.{function.name}",
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"{(\w+)}", url)
        ],
    }
    if verb == "post":
        kind = "json" if url.startswith("/v2/") else "x-www-form-urlencoded"
        body = schema or {"type": "object", "properties": {}, "additionalProperties": False}
        operation["requestBody"] = {"content": {f"application/{kind}": {"schema": body}}}
    elif schema:
        operation["x-query-schema"] = schema
    if function.returns is not None:
        answer = schemas.schema(function.returns, where, "", "out")
        operation["responses"] = {"200": {"content": {"application/json": {"schema": answer}}}}
    return url, verb, operation


def _add_query_parameters(operation: Json, schemas: Json) -> None:
    reference = operation.pop("x-query-schema", None)
    target = schemas.get(reference["$ref"].rpartition("/")[2], {}) if reference else {}
    for name, schema in target.get("properties", {}).items():
        required = name in target.get("required", [])
        operation["parameters"].append(
            {"name": name, "in": "query", "required": required, "schema": schema}
        )


def derive() -> Json:
    """Return the document."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for file in sorted(sdk_source.ROOT.rglob("*_service.py")):
        dotted = file.relative_to(sdk_source.ROOT.parent).with_suffix("").parts
        where = sdk_source.module(".".join(dotted))
        for owner, node in list(where.classes.items()):
            for function in node.body:
                if not isinstance(function, ast.FunctionDef):
                    continue
                found = _operation(schemas, where, owner.rpartition(".")[2], function)
                if found is not None:
                    paths.setdefault(found[0], {}).setdefault(found[1], found[2])
    schemas.build_pending()
    for operations in paths.values():
        for operation in operations.values():
            _add_query_parameters(operation, schemas.done)
    version = _constant("_api_version.py", "CURRENT")
    info = {"title": "Stripe API, from its SDK", "version": version, "x-sdk": sdk_version()}
    components = {"schemas": schemas.done}
    paths = dict(sorted(paths.items()))
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": components}


def sdk_version() -> str:
    """Return the version of the installed SDK."""
    return _constant("_version.py", "VERSION")


def cached() -> pathlib.Path:
    """Return a file with the document for the installed SDK, derived once."""
    path = CACHE / f"stripe-{sdk_version()}-{_FORMAT}.json"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        # Several test processes may get here at once: each writes its own, the last one stays.
        with tempfile.NamedTemporaryFile("w", dir=CACHE, delete=False) as file:
            json.dump(derive(), file, separators=(",", ":"))
        pathlib.Path(file.name).replace(path)
    return path


def main() -> None:
    """Write the document to the named file, or make sure of the cached one."""
    if len(sys.argv) > 1:
        pathlib.Path(sys.argv[1]).write_text(json.dumps(derive()), encoding="utf-8")
    else:
        sys.stdout.write(f"{cached()}\n")


if __name__ == "__main__":
    main()
