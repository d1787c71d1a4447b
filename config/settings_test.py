"""Overrides for tests: the same settings, faster hashing, mail in memory.

Under pytest, `DATABASE_URL` and `REDIS_URL` are replaced before anything reads them: by a fresh
clone of the migrated template, and a Redis database of this process alone. What was given names
the servers to use; without it our own are started in `var/test`. Other programs that load these
settings (mypy, `manage.py migrate` while the template is built) start nothing.
"""

import os
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

os.environ.setdefault("TILL_ENV", "test")

_STATE_DIR = Path(__file__).resolve().parent.parent / "var" / "test"
_REDIS_DATABASES = 16


def _redis_database(url: str, worker: str) -> str:
    """Return the URL of the worker's own database: `gw0` has the second one, and so on."""
    number = 1 + int(worker.removeprefix("gw")) if worker.startswith("gw") else 0
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return urlunsplit(parts._replace(path=f"/{number % _REDIS_DATABASES}"))
    query = dict(parse_qsl(parts.query)) | {"db": str(number % _REDIS_DATABASES)}
    return f"unix://{parts.netloc}{parts.path}?{urlencode(query)}"


def _use_own_services() -> None:
    from config import embedded, template_database  # noqa: PLC0415 - not for every program

    given = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    if all(given):
        _STATE_DIR.mkdir(parents=True, exist_ok=True)
        services = embedded.Services(*given, _STATE_DIR)
    else:
        services = embedded.acquire(_STATE_DIR, durable=False)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    os.environ["DATABASE_URL"] = template_database.clone_for_tests(services, worker)
    os.environ["REDIS_URL"] = _redis_database(services.redis_url, worker)
    os.environ["BILLING_EVENTS_REDIS_URL"] = ""


if "pytest" in sys.modules:
    _use_own_services()
else:
    os.environ.setdefault("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")

from config.settings import *  # noqa: E402, F403 - the one place where everything is taken over

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
RENEWAL_THREADS = 1  # another thread would not see what a test has not committed
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
REST_FRAMEWORK = {**REST_FRAMEWORK, "TEST_REQUEST_DEFAULT_FORMAT": "json"}  # noqa: F405 - see above
# The coverage of templates is only measured, and only then without a warning, in debug mode.
TEMPLATES[0]["OPTIONS"]["debug"] = True  # type: ignore[index] # noqa: F405 - see above
# Each of the tests' clients would list and read every static file anew.
WHITENOISE_AUTOREFRESH = True
