"""A project with dj-stripe and nothing else: no middleware at all, which favours the peer.

It runs on a copy of the application's migrated database, so that dj-stripe's tables are the real
ones; the models its foreign keys lead to therefore have to be there.
"""

from urllib.parse import unquote

import environ

env = environ.Env()
SECRET_KEY = "bench"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "orgs",
    "djstripe",
]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "bench.peer.urls"
AUTH_USER_MODEL = "orgs.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
DATABASES = {
    "default": {
        **env.db_url_config(env.str("DATABASE_URL")),
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": None,
    }
}
DATABASES["default"]["HOST"] = unquote(str(DATABASES["default"]["HOST"]))
STRIPE_LIVE_MODE = False
STRIPE_TEST_SECRET_KEY = env.str("STRIPE_SECRET_KEY")
STRIPE_API_HOST = env.str("STRIPE_API_BASE")
STRIPE_API_VERSION = env.str("STRIPE_API_VERSION")
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
DJSTRIPE_SUBSCRIBER_MODEL = "orgs.Organization"
DJSTRIPE_SUBSCRIBER_MODEL_REQUEST_CALLBACK = None
TILL_ENCRYPTION_KEYS = ["ZGV2ZWxvcG1lbnQtb25seS1lbmNyeXB0aW9uLWtleSE="]
