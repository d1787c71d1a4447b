"""A database that was migrated for real once, to be cloned in a moment ever after.

Built in two stages, each under a name that stands for its contents, so that a change of ours
does not repeat the slow part:

1. `till_third_<hash>`: every third-party app and `orgs.0001`, which they refer to (about 40 s);
2. `till_<hash>`: a clone of stage 1 with all our migrations on top (about 3 s).

A stage is built under another name and renamed when it is complete: a killed build leaves no
half template. Nobody can connect to a finished one, which is what cloning it asks for.
"""

import ast
import atexit
import contextlib
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

import psycopg

from config import embedded_databases as databases
from config import embedded_processes as processes
from config.embedded import Services

PROJECT = Path(__file__).resolve().parent.parent
DECIDING_SETTINGS = frozenset({"AUTH_USER_MODEL", "DEFAULT_AUTO_FIELD"})
OUR_APPS = ("config", "orgs", "notifications", "billing", "terminals")
MIGRATE_SECONDS = 900
KEPT_TEMPLATES = 2
CLONE_PREFIX = "till_test_"

Say = Callable[[str], object]


class TemplateError(RuntimeError):
    """The template database could not be built; the message has the end of the output."""


def say_on_stderr(line: str) -> None:
    """Print a line of progress."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def ensure_template(
    admin_url: str,
    settings_module: str = "config.settings",
    *,
    redis_url: str = "",
    say: Say = say_on_stderr,
) -> str:
    """Return the name of a fully migrated template database, building it if needed.

    `admin_url` is a PostgreSQL URL of a role with CREATEDB on the server (its database does not
    matter). Concurrent callers wait for the one that builds. Templates of earlier states of the
    code are dropped, but for the latest two.

    Raises:
        TemplateError: `manage.py migrate` failed.
    """
    with databases.locked(admin_url, say) as connection:
        return _ensure(connection, _Build(admin_url, redis_url, settings_module, say))


def clone(admin_url: str, name: str, template: str) -> str:
    """Make the database `name` from a template and return its URL; takes some 0.1 s.

    Raises:
        psycopg.errors.DuplicateDatabase: there is a database of that name.
    """
    with databases.connected(admin_url) as connection:
        databases.create(connection, name, template)
    return databases.database_url(admin_url, name)


def drop(admin_url: str, name: str) -> None:
    """Drop a database if it exists, ending the connections to it."""
    with databases.connected(admin_url) as connection:
        databases.drop(connection, name)


def clone_for_tests(
    services: Services, worker_id: str = "main", *, say: Say = say_on_stderr
) -> str:
    """Return the URL of a fresh clone of the template that belongs to this process alone.

    It is dropped when the process exits; clones of processes that were killed are dropped at the
    next call. `worker_id` is xdist's (`gw0` …) and only makes the name readable.

    Raises:
        TemplateError: `manage.py migrate` failed.
    """
    admin_url = services.database_url
    name = f"{CLONE_PREFIX}{worker_id}_{os.getpid()}"
    with databases.locked(admin_url, say) as connection:
        build = _Build(admin_url, services.redis_url, "config.settings_test", say)
        template = _ensure(connection, build)
        _drop_abandoned_clones(connection, services.state_dir)
        _hold_clone(services.state_dir, name)
        databases.drop(connection, name)
        databases.create(connection, name, template)
    atexit.register(_drop_at_exit, admin_url, services.state_dir, name, os.getpid())
    return databases.database_url(admin_url, name)


# --- Building -----------------------------------------------------------------------------------


class _Build:
    """What a build needs besides the connection."""

    def __init__(self, admin_url: str, redis_url: str, settings_module: str, say: Say) -> None:
        self.admin_url = admin_url
        self.say = say
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": settings_module,
            "TILL_ENV": os.environ.get("TILL_ENV", "test"),
            # Migrations have no use for it; port 1 refuses at once instead of starting servers.
            "REDIS_URL": redis_url or os.environ.get("REDIS_URL", "redis://127.0.0.1:1/0"),
        }

    def migrate(self, database: str, arguments: Sequence[str]) -> None:
        """Run a command over the database under construction."""
        url = databases.database_url(self.admin_url, database)
        try:
            done = subprocess.run(  # noqa: S603 - our own commands
                [sys.executable, *arguments],
                cwd=PROJECT,
                env={**self.environment, "DATABASE_URL": url},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=MIGRATE_SECONDS,
                check=False,
                text=True,
            )
        except subprocess.TimeoutExpired as error:
            raise TemplateError(f"migrate did not end within {MIGRATE_SECONDS} s.") from error
        if done.returncode != 0:
            end = "\n".join(done.stdout.splitlines()[-25:])
            raise TemplateError(f"migrate failed while building the database template:\n{end}")


def _ensure(connection: databases.Connection, build: _Build) -> str:
    third = f"till_third_{third_party_hash()}"
    ours = f"till_{our_hash(third)}"
    existing = databases.names(connection)
    if ours in existing:
        return ours
    if third not in existing:
        build.say("building the database template, once: about 40 s for the third-party apps …")
        with _under_construction(connection, third, "template0") as draft:
            build.migrate(draft, ["-m", "config.template_database"])
    build.say("building the database template: about 3 s for our migrations …")
    with _under_construction(connection, ours, third) as draft:
        build.migrate(draft, ["manage.py", "migrate", "--no-input", "--verbosity=1"])
    _drop_old_templates(connection)
    build.say("the database template is ready")
    return ours


@contextlib.contextmanager
def _under_construction(connection: databases.Connection, name: str, origin: str) -> Iterator[str]:
    """Give a clone of `origin` to work on, which then becomes the template `name`."""
    draft = f"till_draft_{name.rpartition('_')[2]}"
    databases.drop(connection, draft)
    databases.create(connection, draft, origin)
    try:
        yield draft
    except BaseException:
        databases.drop(connection, draft)
        raise
    databases.finish(connection, draft, name)


def third_party_hash() -> str:
    """Name the state of everything that stage 1 is made from, in twelve hex digits."""
    digest = hashlib.sha256((PROJECT / "orgs" / "migrations" / "0001_initial.py").read_bytes())
    versions = {
        f"{distribution.name.lower()}=={distribution.version}"
        for distribution in metadata.distributions()
        if distribution.name.lower().startswith(("django", "dj-", "dj_", "drf"))
    }
    for text in [*sorted(versions), *_deciding_settings()]:
        digest.update(f"{text}\n".encode())
    return digest.hexdigest()[:12]


def _deciding_settings() -> list[str]:
    """List the settings that decide which third-party tables there are and what they refer to."""
    found: list[str] = []
    for node in ast.parse((PROJECT / "config" / "settings.py").read_text()).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if not isinstance(target, ast.Name) or not isinstance(value, ast.expr):
            continue
        if target.id == "INSTALLED_APPS":
            found += [app for app in _strings(value) if not _is_ours(app)]
        elif target.id.startswith("DJSTRIPE_") or target.id in DECIDING_SETTINGS:
            found.append(f"{target.id}={ast.unparse(value)}")
    return found


def _strings(expression: ast.expr) -> list[str]:
    constants = (node for node in ast.walk(expression) if isinstance(node, ast.Constant))
    return [node.value for node in constants if isinstance(node.value, str)]


def our_hash(third: str) -> str:
    """Name the state of stage 1 and of all our migrations, in twelve hex digits."""
    digest = hashlib.sha256(third.encode())
    for app in OUR_APPS:
        for path in sorted((PROJECT / app).rglob("migrations/*")):
            if path.is_file():
                digest.update(f"\n{path.relative_to(PROJECT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def migrate_third_party() -> None:
    """Migrate every third-party app and `orgs` to its first migration (in a process of its own)."""
    import django  # noqa: PLC0415 - only this process needs Django
    from django.apps import apps  # noqa: PLC0415 - same
    from django.core.management import call_command  # noqa: PLC0415 - same
    from django.db import connection  # noqa: PLC0415 - same
    from django.db.migrations.loader import MigrationLoader  # noqa: PLC0415 - same

    django.setup()
    call_command("migrate", "orgs", "0001", interactive=False)
    ours = {config.label for config in apps.get_app_configs() if _is_ours(config.name)}
    for label in sorted(MigrationLoader(connection).migrated_apps - ours):
        call_command("migrate", label, interactive=False)


def _is_ours(app: str) -> bool:
    return app.split(".", maxsplit=1)[0] in OUR_APPS


def _drop_old_templates(connection: databases.Connection) -> None:
    """Keep the latest templates of each stage: two branches can take turns."""
    names = databases.names(connection)
    for pattern in (r"till_third_[0-9a-f]{12}", r"till_[0-9a-f]{12}"):
        for name in [name for name in names if re.fullmatch(pattern, name)][KEPT_TEMPLATES:]:
            databases.drop(connection, name)


# --- Clones for tests ---------------------------------------------------------------------------

_held_clones: dict[str, int] = {}


def _clone_lock(state_dir: Path, name: str) -> Path:
    return state_dir / "clones" / f"{name}.lock"


def _hold_clone(state_dir: Path, name: str) -> None:
    """Mark a clone as in use by a lock, which the kernel frees however this process ends."""
    if name not in _held_clones:
        _held_clones[name] = processes.open_lock(_clone_lock(state_dir, name))
        processes.try_lock(_held_clones[name])


def _drop_abandoned_clones(connection: databases.Connection, state_dir: Path) -> None:
    """Drop the clones whose process has ended."""
    _clone_lock(state_dir, "").parent.mkdir(mode=0o700, exist_ok=True)
    for name in databases.names(connection):
        if not name.startswith(CLONE_PREFIX):
            continue
        path = _clone_lock(state_dir, name)
        lock = processes.open_lock(path)
        try:
            if processes.try_lock(lock):
                databases.drop(connection, name)
                path.unlink()
        finally:
            os.close(lock)


def _drop_at_exit(admin_url: str, state_dir: Path, name: str, pid: int) -> None:
    if os.getpid() != pid:
        return  # a forked child: the clone is its parent's
    with contextlib.suppress(psycopg.Error):  # the servers may have been stopped before
        drop(admin_url, name)
        _clone_lock(state_dir, name).unlink(missing_ok=True)


if __name__ == "__main__":
    migrate_third_party()
