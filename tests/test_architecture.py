"""Rules about our own source that no linter has."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

from orgs.base import TenantQuerySet
from orgs.errors import DomainError

ROOT = Path(__file__).parent.parent
APPS = ("config", "orgs", "billing", "terminals", "notifications")
SOURCES = [
    path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts
]
DOMAIN = {"services", "selectors", "drivers", "models", "services.py", "selectors.py"}
INTERFACE = {"api", "pages"}
LAUNCHER = ("embedded", "demo", "processes")  # runs without Django, for one person at a terminal
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
# Mails carry their style inside; the back office's pages live under django-unfold's own policy.
LOOSE_TEMPLATES = {"mail", "admin"}
# Rows of the platform, or of nobody in particular; everything else belongs to an organization.
TABLES_WITHOUT_ORGANIZATION = {
    "Organization",
    "User",
    "InboxEvent",
    "EventDispatch",
    "MirrorTodo",
    "Plan",
    "PlanVersion",
    "PlanFeature",
    "Price",
    "ExternalPrice",
    "Coupon",
    "ExternalCoupon",
    "BankAccount",
    "EnginePrice",
    "EngineCoupon",
    "MerchantAccount",
    "AccountState",
    "FundingReport",
    "GatewayProfile",
    "DunningPolicy",
    "PlanDunning",
    "Circuit",
    "Outage",
}
TOP_LEVEL = {
    *APPS,
    *("manage.py", "pyproject.toml", "templates", "static", "tests", "bench", "Procfile"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "docs"),
    *(".ci", ".env.example", ".gitignore", ".pre-commit-config.yaml", "requirements"),
}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _calls(path: Path, *names: str) -> list[ast.Call]:
    """Return the calls of functions or methods of these names."""
    return [
        node
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "attr", "") in names or getattr(node.func, "id", "") in names)
    ]


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_modules_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", [p for p in SOURCES if DOMAIN & set(p.parts)], ids=_name)
def test_domain_code_never_sees_http(path: Path) -> None:
    banned = {
        name
        for name in _imports(path)
        if re.match(r"django\.(http|views|shortcuts)|rest_framework(\.|$)", name)
    }

    assert banned == set()


@pytest.mark.parametrize("path", [p for p in SOURCES if INTERFACE & set(p.parts)], ids=_name)
def test_interface_code_queries_through_selectors(path: Path) -> None:
    managers = [
        node.lineno
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "objects"
    ]

    assert managers == []


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_jobs_are_queued_through_jobs(path: Path) -> None:
    if path.name in {"jobs.py", "celery.py"}:
        return

    assert [call.lineno for call in _calls(path, "delay", "apply_async")] == []


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_locks_let_children_be_inserted(path: Path) -> None:
    """A plain FOR UPDATE on an organization blocks every insert of a child, and deadlocks."""
    plain = re.findall(
        r"Organization\.objects\.select_for_update\((?!no_key=True)", path.read_text()
    )

    assert plain == []


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_events_of_the_log_are_names(path: Path) -> None:
    """`logger.info("subscription.started", extra=…)`: nothing formatted, nothing sent by chance."""
    if path.name.startswith(LAUNCHER):
        return
    loose = [
        node.lineno
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and getattr(node.func.value, "id", "") == "logger"
        and not (
            len(node.args) == 1
            and isinstance(node.args[0], ast.Constant)
            and re.fullmatch(r"[a-z_]+\.[a-z_]+", str(node.args[0].value))
        )
    ]

    assert loose == []


def test_every_table_belongs_to_an_organization_or_is_listed() -> None:
    ours = [
        model
        for app in apps.get_app_configs()
        if app.name.split(".", maxsplit=1)[0] in APPS
        for model in app.get_models()
    ]
    without = {
        model.__name__
        for model in ours
        if "organization_id" not in {getattr(f, "attname", "") for f in model._meta.get_fields()}
    }

    assert without - TABLES_WITHOUT_ORGANIZATION == set()


def test_tables_of_organizations_can_be_asked_by_organization() -> None:
    deaf = [
        model.__name__
        for model in apps.get_models()
        if model.__module__.split(".")[0] in APPS
        and model.__name__ not in TABLES_WITHOUT_ORGANIZATION
        and any(
            isinstance(f, models.ForeignKey) and f.name == "organization"
            for f in model._meta.fields
        )
        and not isinstance(model._default_manager.all(), TenantQuerySet)
    ]

    assert deaf == []


def _errors(kind: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    for child in kind.__subclasses__():
        if child.__module__.split(".")[0] in APPS:
            yield child
            yield from _errors(child)


@pytest.mark.parametrize("error", sorted(set(_errors()), key=str))
def test_refusals_speak_to_people(error: type[DomainError]) -> None:
    sentence = (error.__doc__ or "").strip().splitlines()[0]

    assert sentence.endswith((".", "!", "?"))
    assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", error.code)
    assert 400 <= error.status <= 599


@pytest.mark.parametrize(
    "path",
    [t for t in TEMPLATES if not LOOSE_TEMPLATES & set(t.relative_to(ROOT).parts)],
    ids=_name,
)
def test_pages_have_nothing_inline(path: Path) -> None:
    """The content security policy would refuse it."""
    text = path.read_text()

    found = re.findall(
        r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son[a-z]+=|javascript:", text
    )

    assert found == []


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_templates_never_trust_markup(path: Path) -> None:
    """`|safe` is for the help texts of Django's own forms."""
    allowed = {"{{ field.help_text|safe }}"}
    text = path.read_text()

    assert set(re.findall(r"{{[^}]*\|\s*safe\s*}}", text)) <= allowed
    assert "autoescape off" not in text


def test_the_top_level_is_fixed() -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a repository")

    listed = subprocess.run(  # noqa: S603 - our own arguments
        [git, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert {line.split("/")[0] for line in listed.stdout.splitlines()} - TOP_LEVEL == set()
