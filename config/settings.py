"""Settings of the whole site. A deployment sets environment variables, which `config.env` reads.

QSAVE_ENV is `development` (the default: `make run`), `production` or `test`. Production does not start with unsafe
settings.
"""

import os
import re
import secrets
from datetime import timedelta
from pathlib import Path

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured

from config import env

# Allows classes such as ModelForm[Campaign]: Django's own cannot be subscripted at run time.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = env.read_choice("QSAVE_ENV", "development", ["development", "production", "test"])
PRODUCTION = ENVIRONMENT == "production"
TESTING = ENVIRONMENT == "test"

# Everything that the site writes is in one folder outside of git. It contains sessions and keys, so only the user who
# runs the site may enter it, and every process of the site writes files that others cannot read. Media may be
# elsewhere, where a web server's group may read them.
os.umask(0o077)
VAR_DIR = env.prepare_folder("QSAVE_VAR", BASE_DIR / "var", mode=0o700)
FILE_UPLOAD_PERMISSIONS, FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o640, 0o750
MEDIA_ROOT = env.prepare_folder("QSAVE_MEDIA", VAR_DIR / "media", mode=FILE_UPLOAD_DIRECTORY_PERMISSIONS)
RELEASE_ROOT = env.prepare_folder("QSAVE_RELEASES", VAR_DIR / "releases")
# Folders of this machine from which leads may import; others are open to commands only.
IMPORT_ROOTS = env.read_folders("QSAVE_IMPORT_ROOTS")
# The bucket service from which leads may import. The keys are never stored elsewhere.
S3_ENDPOINT = env.read_text("QSAVE_S3_ENDPOINT")
S3_REGION = env.read_text("QSAVE_S3_REGION", "us-east-1")
S3_KEY_ID = env.read_text("QSAVE_S3_KEY_ID")
S3_SECRET = env.read_secret("QSAVE_S3_SECRET")
BUCKET_HOSTS = env.read_hosts("QSAVE_BUCKET_HOSTS")
# Hosts of endpoint critics that may have a private address, no HTTPS, and the keys QSAVE_CRITIC_KEY_*.
CRITIC_HOSTS = env.read_hosts("QSAVE_CRITIC_HOSTS")
RUN_ROOT = env.prepare_folder("QSAVE_RUNS", VAR_DIR / "runs")


def read_secret_key() -> str:
    """Return QSAVE_SECRET_KEY; if it is not set, outside production, the key that the first start stored in a file."""
    key = env.read_text("QSAVE_SECRET_KEY")
    if key or PRODUCTION:
        if len(key) < 32:
            raise ImproperlyConfigured(
                "QSAVE_SECRET_KEY is missing or shorter than 32 characters. Make one with: "
                "python -c 'import secrets; print(secrets.token_urlsafe(48))'"
            )
        return key
    path = VAR_DIR / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text(encoding="ascii")


SECRET_KEY = read_secret_key()
DEBUG = env.read_flag("QSAVE_DEBUG", default=False)
ALLOWED_HOSTS = env.read_words("QSAVE_HOSTS", [] if PRODUCTION else ["127.0.0.1", "localhost", "[::1]", "testserver"])
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("QSAVE_DEBUG is on in production: it shows settings and code to visitors. Unset it.")
if PRODUCTION and (not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS):
    raise ImproperlyConfigured("QSAVE_HOSTS must name the hosts of this site, such as studio.example.org, and not *.")

INSTALLED_APPS = [
    "accounts",  # before Django's own, whose commands for accounts it replaces
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "config",
    "operations",
    "annotation",
    "datasets",
    "modelassist",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.middleware.BusyDatabaseMiddleware",
    "config.middleware.StorableAddressMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
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
            ],
            "libraries": {"navigation": "config.navigation"},
        },
    },
]

DATABASES = {"default": env.read_database("DATABASE_URL", VAR_DIR / "studio.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The path of the site on its host, for example /studio. gunicorn reads the same variable: the proxy passes on whole
# paths, with the prefix.
PATH_PREFIX = env.read_path_prefix("SCRIPT_NAME")
FORCE_SCRIPT_NAME = PATH_PREFIX or None
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{PATH_PREFIX}/"

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a slow hash would only slow the tests down

LANGUAGE_CODE = "en-gb"
# Add a language once its catalogue under locale/ is complete (docs/translating.md).
LANGUAGES = [("en-gb", "English")]
USE_I18N = True
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = f"{PATH_PREFIX}/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = env.prepare_folder("QSAVE_STATIC", VAR_DIR / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION  # no collectstatic before a first start
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 60 if PRODUCTION else 0

# Security headers. Cookies and redirects bind to HTTPS in production; QSAVE_HTTPS=0 is for a closed network only.
HTTPS = env.read_flag("QSAVE_HTTPS", default=PRODUCTION)
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_REDIRECT_EXEMPT = [
    rf"^{re.escape(f'{PATH_PREFIX}/healthz'.lstrip('/'))}$"
]  # a load balancer checks it from inside
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = env.read_words("QSAVE_ORIGINS")
# How many proxies of ours a request passes: they are trusted about the client's address and HTTPS.
TRUSTED_PROXIES = env.read_proxy_count("QSAVE_BEHIND_PROXY")
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains and preload: the domain owner's choice
    "security.W021",
    "models.W040",  # SQLite leaves out an index's covered columns, which only save PostgreSQL reads of the table
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 20_000

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PARSER_CLASSES": [
        "accounts.api.BoundedJSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Q-Save Studio",
    "DESCRIPTION": "Clips, ratings, agreement, releases and critics.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVERS": [{"url": PATH_PREFIX}] if PATH_PREFIX else [],
    "ENUM_NAME_OVERRIDES": {
        "CampaignState": "annotation.models.Campaign.State",
        "JobState": "operations.models.JobState",
        "ReleaseState": "datasets.models.Release.State",
    },
}

# Celery only delivers the ids of jobs; their state is in the rows of operations.Job (docs/adr).
_BROKER = env.read_broker("CELERY_BROKER_URL", VAR_DIR / "broker")
CELERY_BROKER_URL = _BROKER["url"]
CELERY_BROKER_TRANSPORT_OPTIONS = _BROKER["options"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_DEFAULT_QUEUE = "short"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE
JOB_HEARTBEAT_SECONDS = env.read_whole_number("QSAVE_JOB_HEARTBEAT_SECONDS", 5, least=1, most=600)
JOB_STALE = timedelta(seconds=env.read_whole_number("QSAVE_JOB_STALE_SECONDS", 45, least=2, most=3600))
JOB_SWEEP_SECONDS = env.read_whole_number("QSAVE_JOB_SWEEP_SECONDS", 60, least=1, most=3600)
JOB_MOST_ATTEMPTS = 3
DEFAULT_CRITIC = env.read_choice("QSAVE_DEFAULT_CRITIC", "detectors", ["detectors", "none"])
"""The critic that drafts for new campaigns of real clips without being asked."""
MODEL_IDLE_SECONDS = env.read_whole_number("QSAVE_MODEL_IDLE_SECONDS", 300, least=1, most=86_400)
"""After this time without a question the process of a local model ends, and its memory is free again."""
SCORING_DAYS = env.read_whole_number("QSAVE_SCORING_DAYS", 7, least=1, most=3650)
"""After this time a clip that was sent to be scored is deleted with its answer."""
IMPORT_WORKERS = env.read_whole_number("QSAVE_IMPORT_WORKERS", env.count_cores(), least=0, most=256)
"""Processes that read the videos of one import. With 0 the worker does, and ends if one of them ends its process."""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["console"],
        "level": env.read_choice("QSAVE_LOG", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"]),
    },
}
