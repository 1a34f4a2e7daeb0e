# Sourced by entrypoint.sh and healthcheck.sh: Airflow's settings from the environment and from files of secrets.
# A variable NAME_FILE names the file that holds NAME; a service gets only the files that it needs.

fail() {
    echo "deploy: $*" >&2
    exit 2
}

# export_secret NAME: NAME from the file in NAME_FILE, when that is set.
export_secret() {
    eval "secret_file=\${$1_FILE:-}"
    [ -n "$secret_file" ] || return 0
    [ -r "$secret_file" ] || fail "$1_FILE names $secret_file, which cannot be read by user $(id -u) group $(id -g)."
    secret_value=$(cat "$secret_file")
    [ -n "$secret_value" ] || fail "$1_FILE names $secret_file, which is empty."
    export "$1=$secret_value"
    unset "$1_FILE" secret_value secret_file
}

PROJECT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# In the image the locked environment is on PATH; in a checkout it is .venv.
[ -x "$PROJECT/.venv/bin/python" ] && PATH="$PROJECT/.venv/bin:$PATH"
export PATH PYTHONPATH="$PROJECT${PYTHONPATH:+:$PYTHONPATH}"

export TUKIVERKKO_HOME="${TUKIVERKKO_HOME:-$PROJECT/.tukiverkko}"
export AIRFLOW_HOME="${AIRFLOW_HOME:-$TUKIVERKKO_HOME/airflow}"
(umask 077 && mkdir -p "$AIRFLOW_HOME") || fail "AIRFLOW_HOME ($AIRFLOW_HOME) cannot be written."

for secret in \
    TUKIVERKKO_AIRFLOW_DATABASE_URL \
    TUKIVERKKO_CELERY_RESULTS_URL \
    AIRFLOW__CELERY__BROKER_URL \
    AIRFLOW__CORE__FERNET_KEY \
    AIRFLOW__API__SECRET_KEY \
    AIRFLOW__API_AUTH__JWT_SECRET; do
    export_secret "$secret"
done

# Files hold plain libpq URLs; each library is told its driver.
if [ -n "${TUKIVERKKO_AIRFLOW_DATABASE_URL:-}" ]; then
    export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="postgresql+psycopg://${TUKIVERKKO_AIRFLOW_DATABASE_URL#*://}"
    export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC="postgresql+asyncpg://${TUKIVERKKO_AIRFLOW_DATABASE_URL#*://}"
fi
if [ -n "${TUKIVERKKO_CELERY_RESULTS_URL:-}" ]; then
    export AIRFLOW__CELERY__RESULT_BACKEND="db+postgresql+psycopg://${TUKIVERKKO_CELERY_RESULTS_URL#*://}"
fi

# Airflow opens its password file for writing, which a mounted secret does not allow.
if [ -n "${TUKIVERKKO_AIRFLOW_PASSWORDS_FILE:-}" ]; then
    [ -r "$TUKIVERKKO_AIRFLOW_PASSWORDS_FILE" ] || fail "$TUKIVERKKO_AIRFLOW_PASSWORDS_FILE cannot be read."
    export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE="$AIRFLOW_HOME/passwords.json"
    (umask 077 && cat "$TUKIVERKKO_AIRFLOW_PASSWORDS_FILE" >"$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE")
fi

export AIRFLOW__CORE__EXECUTOR="${AIRFLOW__CORE__EXECUTOR:-CeleryExecutor}"
export AIRFLOW__CORE__DAGS_FOLDER="${AIRFLOW__CORE__DAGS_FOLDER:-$PROJECT/dags}"
export AIRFLOW__CORE__PLUGINS_FOLDER="$AIRFLOW_HOME/plugins"
export AIRFLOW__CORE__LOAD_EXAMPLES=False
# A night is a night in Finland, also for a run started by hand.
export AIRFLOW__CORE__DEFAULT_TIMEZONE=Europe/Helsinki
export AIRFLOW__CORE__HOSTNAME_CALLABLE=socket.gethostname
export AIRFLOW__LOGGING__BASE_LOG_FOLDER="${AIRFLOW__LOGGING__BASE_LOG_FOLDER:-$AIRFLOW_HOME/logs}"
export AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY="$AIRFLOW__LOGGING__BASE_LOG_FOLDER/dag_processor"
export AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH="$AIRFLOW_HOME/bundles"
export AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK=True
export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False
export SCARF_ANALYTICS=false DO_NOT_TRACK=1 DBT_SEND_ANONYMOUS_USAGE_STATS=false
# A task that runs longer would be started a second time by the broker.
export AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT=86400
