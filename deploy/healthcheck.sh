#!/bin/sh
# Exits 0 when the given part is healthy: deploy/healthcheck.sh api-server|scheduler|dag-processor|triggerer|worker|demo-sources
set -eu
. "$(dirname -- "$0")/environment.sh"

answers() {
    python -S -c 'import sys, urllib.request as r
r.build_opener(r.ProxyHandler({})).open(sys.argv[1], timeout=8).read()' "$1" >/dev/null
}

listens() {
    python -S -c 'import socket, sys
socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=8).close()' "$1"
}

case ${1:-} in
api-server)
    answers "http://127.0.0.1:${AIRFLOW__API__PORT:-8080}/api/v2/monitor/health"
    ;;
scheduler)
    answers "http://127.0.0.1:${AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT:-8974}/health"
    ;;
dag-processor)
    exec python -m airflow jobs check --job-type DagProcessorJob --local
    ;;
triggerer)
    exec python -m airflow jobs check --job-type TriggererJob --local
    ;;
worker)
    exec python -m celery --app airflow.providers.celery.executors.celery_executor.app \
        inspect ping --destination "celery@$(hostname)" --timeout 8
    ;;
demo-sources)
    listens "${TUKIVERKKO_DEMO_SFTP_PORT:-2222}"
    listens "${TUKIVERKKO_DEMO_REST_PORT:-8080}"
    ;;
*)
    fail "there is no part called ${1:-(none given)}."
    ;;
esac
