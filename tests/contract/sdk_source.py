"""Reading the source of the installed stripe package: its classes, imports and annotations.

Nothing of it is executed; only the syntax tree is looked at.
"""

import ast
import importlib.util
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass, field


def package_root() -> pathlib.Path:
    """Return the folder of the installed stripe package."""
    found = importlib.util.find_spec("stripe")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("stripe is not installed")
    return pathlib.Path(found.origin).parent


ROOT = package_root()


@dataclass
class Module:
    """One source file. Nested classes have qualified names such as `Invoice.Parent`."""

    name: str
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    typed_dicts: dict[str, ast.Dict] = field(default_factory=dict)


_MODULES: dict[str, Module] = {}


def module(name: str) -> Module:
    """Return a module by its dotted name; one that does not exist is empty."""
    known = _MODULES.get(name)
    if known is not None:
        return known
    found = _MODULES[name] = Module(name)
    path = (ROOT.parent / name.replace(".", "/")).with_suffix(".py")
    if not path.exists():
        path = ROOT.parent / name.replace(".", "/") / "__init__.py"
    if path.exists():
        _collect(found, ast.parse(path.read_text(encoding="utf-8")).body, "")
    return found


def _collect(found: Module, body: list[ast.stmt], prefix: str) -> None:
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found.imports[alias.asname or alias.name] = (node.module, alias.name)
        elif isinstance(node, ast.If):
            _collect(found, node.body, prefix)
        elif isinstance(node, ast.ClassDef):
            found.classes[prefix + node.name] = node
            nested: list[ast.stmt] = [n for n in node.body if isinstance(n, ast.ClassDef)]
            _collect(found, nested, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign):
            _collect_functional(found, node)


def _collect_functional(found: Module, node: ast.Assign) -> None:
    """Note `Name = TypedDict("Name", {...})`: used where a field is called like a keyword."""
    call, target = node.value, node.targets[0]
    if (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "TypedDict"
        and isinstance(target, ast.Name)
        and isinstance(call.args[1], ast.Dict)
    ):
        found.typed_dicts[target.id] = call.args[1]


def object_name(node: ast.ClassDef) -> str | None:
    """Return the `object` that a resource class answers to."""
    for entry in node.body:
        if (
            isinstance(entry, ast.AnnAssign)
            and isinstance(entry.target, ast.Name)
            and entry.target.id == "OBJECT_NAME"
            and isinstance(entry.value, ast.Constant)
        ):
            return str(entry.value.value)
    return None


def resolve(where: Module, scope: str, name: str) -> tuple[Module, str] | None:
    """Find a class by name: outwards from the enclosing class, then through the imports."""
    parts = scope.split(".") if scope else []
    while True:
        qualified = ".".join([*parts, name])
        if qualified in where.classes:
            return where, qualified
        if not parts:
            break
        parts.pop()
    head, _, rest = name.partition(".")
    source, original = where.imports.get(head, ("", ""))
    if not source.startswith("stripe"):
        return None
    target = module(source)
    qualified = original + (f".{rest}" if rest else "")
    if qualified in target.classes:
        return target, qualified
    return resolve(target, "", qualified) if head in target.imports else None


def fields_of(where: Module, qualified: str) -> Iterator[tuple[str, ast.expr]]:
    """Yield the annotated fields of a class, those of its bases first."""
    node = where.classes[qualified]
    for base in node.bases:
        base_name = ast.unparse(base)
        if base_name in where.typed_dicts:
            functional = where.typed_dicts[base_name]
            for key, value in zip(functional.keys, functional.values, strict=True):
                if isinstance(key, ast.Constant):
                    yield str(key.value), value
        elif base_name in where.classes:
            yield from fields_of(where, base_name)
    for entry in node.body:
        if isinstance(entry, ast.AnnAssign) and isinstance(entry.target, ast.Name):
            yield entry.target.id, entry.annotation
