#!/bin/sh
# Starts one part of a production Tukiverkko, in the image or natively:
#   deploy/entrypoint.sh api-server|scheduler|dag-processor|triggerer|worker [ARGUMENT…]
#   deploy/entrypoint.sh migrate              roles, databases, Airflow's metadata, the warehouse's tables; any number of times
#   deploy/entrypoint.sh demo-sources [ARGUMENT…]   the synthetic region's four source servers
#   deploy/entrypoint.sh demo-night [ARGUMENT…]     what those sources hold on a morning
#   deploy/entrypoint.sh tukiverkko|airflow|python ARGUMENT…   any command with the same settings
# Its settings: docs/deployment.md.
set -eu
. "$(dirname -- "$0")/environment.sh"

[ $# -gt 0 ] || fail "say which part to start: api-server, scheduler, dag-processor, triggerer, worker, migrate, demo-sources, demo-night, tukiverkko or airflow."
role=$1
shift

case $role in
api-server)
    exec python -m airflow api-server "$@"
    ;;
# The log servers would listen on every interface; the api-server reads the same files itself.
scheduler | triggerer)
    exec python -m airflow "$role" --skip-serve-logs "$@"
    ;;
dag-processor)
    exec python -m airflow dag-processor "$@"
    ;;
worker)
    exec python -m airflow celery worker --skip-serve-logs "$@"
    ;;
migrate)
    python "$PROJECT/deploy/database.py"
    [ -z "${TUKIVERKKO_DATABASE_URL:-}${TUKIVERKKO_DATABASE_URL_FILE:-}" ] || tukiverkko prepare
    # The logins that Superset reads with, when there is a Superset.
    [ -z "${TUKIVERKKO_SUPERSET_READERS_KEY_FILE:-}" ] || python -m bi.superset.logins
    exec python -m airflow db migrate
    ;;
demo-sources)
    export_secret TUKIVERKKO_ADMIN_URL
    exec python -m demo.servers --admin-url "${TUKIVERKKO_ADMIN_URL:?is the PostgreSQL that holds the database of Iisalmi}" "$@"
    ;;
demo-night)
    exec python "$PROJECT/deploy/demo_night.py" "$@"
    ;;
tukiverkko)
    exec tukiverkko "$@"
    ;;
airflow | python)
    [ "$role" = python ] || set -- -m airflow "$@"
    exec python "$@"
    ;;
*)
    fail "there is no part called $role."
    ;;
esac
