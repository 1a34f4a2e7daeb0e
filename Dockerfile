# One image for every service; what it runs is an argument of deploy/entrypoint.sh.
# linux/amd64 only: `pgpq` has no wheel for other Linux machines and the image holds no compiler.
FROM python:3.12-slim AS build
WORKDIR /opt/tukiverkko

# A closed network names its own package index here (docker build --build-arg); the lock's hashes decide what is let in.
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ENV PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1

# The Makefile's recipe of .venv, line by line (a test compares them).
COPY requirements.lock ./
RUN python -m venv .venv \
    && awk '/^[A-Za-z0-9]/ {keep = /^uv==/} keep && !/^ +#/' requirements.lock > .venv/uv.txt \
    && .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.txt \
    && .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --no-deps -r requirements.lock

COPY . .
RUN .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e . \
    && .venv/bin/python -m compileall -q connectors pipeline pages bi dags demo

FROM python:3.12-slim
LABEL org.opencontainers.image.title="Tukiverkko"

# deploy/make-secrets.sh gives the secrets to this group.
RUN groupadd --gid 10001 tukiverkko \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/tukiverkko --shell /usr/sbin/nologin tukiverkko \
    && install -d -o tukiverkko -g tukiverkko -m 0750 /var/lib/tukiverkko /var/lib/tukiverkko-demo /var/log/tukiverkko

# Owned by root: no service can change the code that it runs.
COPY --from=build /opt/tukiverkko /opt/tukiverkko

# Each release names the version of the code that made it.
ARG TUKIVERKKO_VERSION
ENV TUKIVERKKO_VERSION=$TUKIVERKKO_VERSION \
    PATH=/opt/tukiverkko/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TUKIVERKKO_HOME=/var/lib/tukiverkko \
    AIRFLOW_HOME=/tmp/airflow

WORKDIR /var/lib/tukiverkko
USER 10001:10001
ENTRYPOINT ["/opt/tukiverkko/deploy/entrypoint.sh"]
CMD ["airflow", "version"]
