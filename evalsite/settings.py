"""All settings, read from the environment; `.env.example` lists what may be set."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from evalsite import env

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = env.flag("DEBUG", False)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "evalsite.admin_site.EvalsiteAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",  # its templates, which our form renderer extends
    "django_htmx",
    "models_registry",
    "reviews",
    "demo",
]

MIDDLEWARE = [
    "evalsite.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "evalsite.language.InterfaceLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "evalsite.login.HtmxLoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "evalsite.urls"
WSGI_APPLICATION = "evalsite.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
FORM_RENDERER = "evalsite.forms.FormRenderer"

DATABASES = {"default": env.database("DATABASE_URL", "sqlite:///var/evalsite.sqlite3", base_dir=BASE_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ON_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
if ON_SQLITE:
    DATABASES["default"]["NAME"].parent.mkdir(parents=True, exist_ok=True)
# On one machine a key is made once and kept beside the database; several machines have to be given the same one.
SECRET_KEY = env.secret_key("SECRET_KEY", BASE_DIR / "var" / "secret-key" if ON_SQLITE else None)

# --- workers: the database is the truth, the broker only wakes them ---------------------------------------
REDIS_URL = env.text("REDIS_URL", "")
if REDIS_URL and not REDIS_URL.startswith(("redis://", "rediss://")):
    raise ImproperlyConfigured(
        f"REDIS_URL={REDIS_URL!r}; write redis://host:6379/0, or leave it out to work in-process"
    )
# without a Redis the workers are threads of the web process (evalsite/embedded.py)
EMBEDDED_WORKER = not REDIS_URL
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    # Without a limit on the socket a page would wait for ever on a Redis that accepts and does not answer. A worker's
    # own wait for messages ends every second, so it stays below.
    {"visibility_timeout": 3600, "socket_timeout": 2, "socket_connect_timeout": 2}
    if REDIS_URL
    # The in-memory broker polls; at its default of one second 200 short tasks take 12 s, at 0.05 s under one.
    else {"polling_interval": 0.05}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# So many requests of one endpoint a worker has under way at once. A quarter more threads are kept for everything else:
# see models_registry/generation/lanes.py.
WORKER_THREADS = env.integer("WORKER_THREADS", 32, least=1)
CELERY_WORKER_CONCURRENCY = WORKER_THREADS + -(-WORKER_THREADS // 4)
CELERY_WORKER_POOL = "threads"
CELERY_BEAT_SCHEDULE = {
    "wake-endpoints": {
        "task": "models_registry.tasks.wake_endpoints",
        "schedule": 2.0,
        "options": {"expires": 10},
    },
    "advance-batches": {
        "task": "models_registry.tasks.advance_batches",
        "schedule": 5.0,
        "options": {"expires": 10},
    },
    "wake-uploads": {
        "task": "models_registry.tasks.wake_uploads",
        "schedule": 2.0,
        "options": {"expires": 10},
    },
    "wake-scans": {
        "task": "reviews.tasks.wake_scans",
        "schedule": 3.0,
        "options": {"expires": 10},
    },
    "wake-judges": {
        "task": "reviews.tasks.wake_judges",
        "schedule": 2.0,
        "options": {"expires": 10},
    },
    "remove-old-uploads": {
        "task": "models_registry.tasks.remove_old_uploads",
        "schedule": 3600.0,
        "options": {"expires": 600},
    },
}
CELERY_BEAT_SCHEDULE_FILENAME = str(BASE_DIR / "var" / "beat-schedule")

# --- people ------------------------------------------------------------------------------------------------
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# How long a reviewer may keep a pair before it goes back to the queue.
ASSIGNMENT_LEASE_MINUTES = env.integer("ASSIGNMENT_LEASE_MINUTES", 20, least=1)
# How much a golden set file may hold: the file that a browser uploads, its rows, one of them, and its nesting.
GOLDEN_SET_MAX_BYTES = env.integer("GOLDEN_SET_MAX_MB", 200, least=1) * 1024 * 1024
GOLDEN_SET_MAX_ROWS = env.integer("GOLDEN_SET_MAX_ROWS", 1_000_000, least=1)
GOLDEN_SET_MAX_ROW_BYTES = env.integer("GOLDEN_SET_MAX_ROW_MB", 4, least=1) * 1024 * 1024
GOLDEN_SET_MAX_JSON_DEPTH = env.integer("GOLDEN_SET_MAX_JSON_DEPTH", 64, least=4)

# Lets a scraper read /metrics; without one only admins who are signed in do.
METRICS_TOKEN = env.token("METRICS_TOKEN")

# --- language, time ----------------------------------------------------------------------------------------
# English where nothing says otherwise: in commands, workers and logs, and for browsers that ask for neither.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
# Grouped digits are asked for where people read them (the filter `thousands`): ids, addresses and attributes are not.
USE_THOUSAND_SEPARATOR = False
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_TZ = True

# --- static files and what the browser is told ---------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    # Bootstrap draws its select arrow and check marks from data: URLs
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
    "object-src": [CSP.NONE],
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# HTTPS is the rule; HTTPS=0 is for a demo on localhost or a private network without certificates.
HTTPS = env.flag("HTTPS", not DEBUG)
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
# a scraper calls the process beside it, which ends no HTTPS; it is let in by its token
SECURE_REDIRECT_EXEMPT = [r"^metrics$"]
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
if env.flag("BEHIND_PROXY", False):
    # only behind a proxy that sets the header itself: otherwise a client could claim to be on HTTPS
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        # one line per request to a model is the provider's business, not the operator's
        "httpx2": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        # a refused page is an answer, not an incident with a traceback
        "django.request": {"level": "ERROR"},
        "celery.worker.consumer": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
