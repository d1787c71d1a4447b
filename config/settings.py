"""One settings file; values come from the environment through django-environ.

TILL_ENV says what this process is: `production` (the default: anything missing fails loudly),
`development` or `test` (services start where no URL is given, secrets have harmless defaults).
"""

from pathlib import Path

import django_stubs_ext
import environ
from django.core.exceptions import ImproperlyConfigured

from config import backoffice, database, passwords, providers, rest, seller

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").exists():
    environ.Env.read_env(BASE_DIR / ".env")

TILL_ENV: str = env.str("TILL_ENV", default="production")
if TILL_ENV not in {"production", "development", "test"}:
    raise ImproperlyConfigured(f"TILL_ENV is {TILL_ENV!r}: use production, development or test.")
IS_PRODUCTION = TILL_ENV == "production"


def required(name: str, development: str) -> str:
    """Read a value that production must set and development has a harmless default for."""
    value: str = env.str(name, default="")
    if value:
        return value
    if IS_PRODUCTION:
        raise ImproperlyConfigured(
            f"{name} is not set. Production needs it (see .env.example); for development set "
            "TILL_ENV=development."
        )
    return development


DEBUG: bool = env.bool("DEBUG", default=False)
if DEBUG and IS_PRODUCTION:
    raise ImproperlyConfigured("DEBUG must be off in production.")
SECRET_KEY = required("SECRET_KEY", "development-only-secret-key-that-signs-nothing-of-worth")
ALLOWED_HOSTS: list[str] = env.list(
    "ALLOWED_HOSTS",
    default=[] if IS_PRODUCTION else ["localhost", "127.0.0.1", "[::1]", "testserver"],
)
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
PUBLIC_URL: str = required("PUBLIC_URL", f"http://127.0.0.1:{env.int('PORT', default=8000)}")

# --- Services -----------------------------------------------------------------------------------

TILL_STATE_DIR = Path(env.str("TILL_STATE_DIR", default=str(BASE_DIR / "var" / "dev")))
_database_url: str = env.str("DATABASE_URL", default="")
_redis_url: str = env.str("REDIS_URL", default="")
if IS_PRODUCTION:
    _database_url = required("DATABASE_URL", "")
    _redis_url = required("REDIS_URL", "")
elif not (_database_url and _redis_url):
    from config import embedded

    _services = embedded.acquire(TILL_STATE_DIR, durable=TILL_ENV != "test")
    _database_url = _database_url or _services.database_url
    _redis_url = _redis_url or _services.redis_url

DATABASES = {
    "default": database.settings_of(
        env.db_url_config(_database_url), pool_size=env.int("DATABASE_POOL", default=0)
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = _redis_url
BILLING_EVENTS_REDIS_URL: str = env.str("BILLING_EVENTS_REDIS_URL", default="") or REDIS_URL
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "till",
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
}

# --- Applications -------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "anymail",
    "djstripe",
    "config",
    "orgs",
    "notifications",
    *providers.APPS,
    "terminals",
]
MIDDLEWARE = [
    "config.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.shortcut.WebhookShortcut",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.middleware.NoStoreMiddleware",
    "config.middleware.ContentSecurityPolicyMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "orgs.pages.context.chrome",
            ],
        },
    }
]

UNFOLD = backoffice.UNFOLD

# --- People -------------------------------------------------------------------------------------

AUTH_USER_MODEL = "orgs.User"
PASSWORD_HASHERS = passwords.HASHERS
AUTH_PASSWORD_VALIDATORS = passwords.VALIDATORS
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/settings/billing"
LOGOUT_REDIRECT_URL = "/login"
PASSWORD_RESET_TIMEOUT = 60 * 60 * 24
SETUP_TOKEN_SECONDS = 3600
SIMPLE_JWT = rest.SIMPLE_JWT

# --- API ----------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    **rest.REST_FRAMEWORK,
    # How many proxies of ours stand in front: only their part of X-Forwarded-For is believed.
    "NUM_PROXIES": env.int("TRUSTED_PROXIES", default=1 if IS_PRODUCTION else 0),
}
SPECTACULAR_SETTINGS = rest.SPECTACULAR_SETTINGS

# --- Language, time, files ----------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
STATIC_URL = "/static/"
# Collected at release; before that files are served from where they are.
STATIC_ROOT = BASE_DIR / "staticfiles" if IS_PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- Security -----------------------------------------------------------------------------------

SECURE_SSL_REDIRECT = IS_PRODUCTION and env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_PRODUCTION else None
SECURE_HSTS_SECONDS = 31_536_000 if IS_PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_PRODUCTION
SECURE_HSTS_PRELOAD = IS_PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"
# Opens /metrics to a collector; without it only staff may read them.
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
TILL_ENCRYPTION_KEYS: list[str] = env.list("TILL_ENCRYPTION_KEYS", default=[]) or [
    required("TILL_ENCRYPTION_KEYS", "ZGV2ZWxvcG1lbnQtb25seS1lbmNyeXB0aW9uLWtleSE=")
]

# --- Mail ---------------------------------------------------------------------------------------

_smtp: dict[str, object] = env.email_url("EMAIL_URL", default="smtp://localhost:25")
EMAIL_HOST, EMAIL_PORT = _smtp["EMAIL_HOST"], _smtp["EMAIL_PORT"]
EMAIL_HOST_USER = _smtp["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _smtp["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = bool(_smtp.get("EMAIL_USE_TLS"))
EMAIL_USE_SSL = bool(_smtp.get("EMAIL_USE_SSL"))
EMAIL_TIMEOUT = 20  # seconds: shorter than a claim on a message
EMAIL_BACKEND: str = env.str(
    "EMAIL_BACKEND", default="django.core.mail.backends.console.EmailBackend"
)
EMAIL_FILE_PATH: str = env.str("EMAIL_FILE_PATH", default=str(TILL_STATE_DIR / "mail"))
ANYMAIL: dict[str, object] = env.json("ANYMAIL", default={})
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="Till <billing@till.example>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
SUPPORT_EMAIL: str = env.str("SUPPORT_EMAIL", default="support@till.example")
SALES_EMAIL: str = env.str("SALES_EMAIL", default=SUPPORT_EMAIL)
OPERATIONS_EMAIL: str = env.str("OPERATIONS_EMAIL", default=SUPPORT_EMAIL)
SELLER = seller.from_environment(env)

# --- Celery -------------------------------------------------------------------------------------

# Kombu spells a Redis behind a Unix socket in its own way.
CELERY_BROKER_URL = (
    REDIS_URL.replace("unix://", "redis+socket://", 1).replace("db=", "virtual_host=")
    if REDIS_URL.startswith("unix://")
    else REDIS_URL
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False  # the sweeps re-queue; a caller never waits for a broken broker
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "max_retries": 0,  # for whoever sends; workers reconnect by their own rules
    "socket_connect_timeout": 1,
    "socket_timeout": 30,
    "visibility_timeout": 3600,
    "global_keyprefix": "till:",
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
ENABLE_BILLING_RETRY_WORKER: bool = env.bool("ENABLE_BILLING_RETRY_WORKER", default=True)
BILLING_RETRY_DEPLOYMENT_MODE: str = env.str("BILLING_RETRY_DEPLOYMENT_MODE", default="inline")
# Of one run of renewals: while a gateway takes its time, the others go on. A connection each.
RENEWAL_THREADS: int = env.int("RENEWAL_THREADS", default=4)

# --- Providers ----------------------------------------------------------------------------------

STRIPE_API_VERSION: str = env.str("STRIPE_API_VERSION", default="2026-08-26.dahlia")
STRIPE_API_BASE: str = env.str(
    "STRIPE_API_BASE",
    default="https://api.stripe.com"
    if IS_PRODUCTION
    else f"http://127.0.0.1:{env.int('PORT', default=8000) + 1}",
)
STRIPE_JS_URL: str = env.str(
    "STRIPE_JS_URL",
    default="https://js.stripe.com/dahlia/stripe.js"
    if IS_PRODUCTION
    else f"{STRIPE_API_BASE}/dahlia/stripe.js",
)
STRIPE_SECRET_KEY = required("STRIPE_SECRET_KEY", "sk_test_developmentonlydevelopment0000")
STRIPE_PUBLISHABLE_KEY = required(
    "STRIPE_PUBLISHABLE_KEY", "pk_test_developmentonlydevelopment0000"
)
# Without a secret the webhook answers 503: an event is never accepted unverified.
STRIPE_WEBHOOK_SECRET: str = env.str("STRIPE_WEBHOOK_SECRET", default="")
STRIPE_PRODUCT_PRICE_MAP: str = env.str("STRIPE_PRODUCT_PRICE_MAP", default="")
STRIPE_PORTAL_RETURN_URL: str = env.str("STRIPE_PORTAL_RETURN_URL", default="")
# What Stripe's readers charge in: that of the country where they stand.
STRIPE_TERMINAL_CURRENCY: str = env.str("STRIPE_TERMINAL_CURRENCY", default="USD").upper()
STRIPE_LIVE_MODE = STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))
STRIPE_API_HOST = STRIPE_API_BASE  # dj-stripe's name for it
SILENCED_SYSTEM_CHECKS = ["djstripe.W002"]  # it warns of any host, the real one included
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
DJSTRIPE_SUBSCRIBER_MODEL = "orgs.Organization"
DJSTRIPE_SUBSCRIBER_MODEL_REQUEST_CALLBACK = None
PAYMENT_DRIVERS, DEFAULT_PROVIDER = providers.PAYMENT_DRIVERS, providers.default(env)
# One address in place of all of the gateway's hosts (a simulator); never in production.
CARDCONNECT_API_BASE: str = env.str("CARDCONNECT_API_BASE", default="")
# Which merchant accounts are used: only `live` ones reach the gateway's live hosts.
CARDCONNECT_MODE: str = env.str("CARDCONNECT_MODE", default="live" if IS_PRODUCTION else "test")
STRIPE_CONNECT_TIMEOUT_SECONDS = 3.0
STRIPE_READ_TIMEOUT_SECONDS: float = env.float("STRIPE_READ_TIMEOUT_SECONDS", default=20.0)

# --- Logs ---------------------------------------------------------------------------------------

LOGGING_CONFIG = "config.logs.configure"
LOGGING = {"json": IS_PRODUCTION, "level": env.str("LOG_LEVEL", default="INFO")}
