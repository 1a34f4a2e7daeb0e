#!/bin/sh
# Brings Superset up to date with the assets and serves it, in its image. Its settings: superset_config.py, importing.py.
# TUKIVERKKO_SUPERSET_WAREHOUSE: host:port/database of the warehouse, without a login.
set -eu
mkdir -p "$SUPERSET_HOME"
superset db upgrade
superset init
python -m bi.superset.importing --warehouse "$TUKIVERKKO_SUPERSET_WAREHOUSE" --municipalities /opt/tukiverkko/municipalities
# One process: an answer's time is the warehouse's.
exec gunicorn --bind 0.0.0.0:8088 --workers 1 --worker-class gthread --threads 8 --timeout 120 \
    --worker-tmp-dir /dev/shm --log-level warning "superset.app:create_app()"
