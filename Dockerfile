# The web server, the workers and the schedule are the same image with another command; see docker-compose.yml.
FROM python:3.13-slim AS environment

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/venv
COPY requirements.txt .
RUN /opt/venv/bin/pip install --require-hashes --only-binary :all: -r requirements.txt


FROM python:3.13-slim

ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=evalsite.settings
RUN groupadd --system --gid 10001 evalsite \
 && useradd --system --uid 10001 --gid evalsite --home-dir /app --shell /usr/sbin/nologin evalsite
WORKDIR /app
COPY --from=environment /opt/venv /opt/venv
COPY manage.py LICENSE ./
COPY evalsite evalsite
COPY models_registry models_registry
COPY reviews reviews
COPY demo demo
COPY locale locale
COPY templates templates
COPY static static
# static files need no database and no secret; var/ is where an SQLite file would lie
RUN mkdir var \
 && SECRET_KEY=only-to-collect-static-files DATABASE_URL=sqlite:////tmp/unused.sqlite3 python manage.py collectstatic --no-input -v 0 \
 && chown evalsite:evalsite var

USER evalsite
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\", \"8000\")}/healthz', timeout=4)"]
CMD ["gunicorn", "-c", "python:evalsite.gunicorn"]
