#!/bin/sh
# Makes the secrets that are missing from a folder (default: deploy/secrets); keeps those that are there.
# Run as root, so that the containers' group may read the files and nobody else can: sudo deploy/make-secrets.sh
set -eu
project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
folder=${1:-$project/deploy/secrets}
# The group of the image's user, see Dockerfile.
group=10001
umask 027

hex() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
base64_key() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }

# keep_or_write FILE VALUE: a key that was replaced would make new pseudonyms, or leave old data unreadable.
keep_or_write() {
    [ -e "$folder/$1" ] && return 0
    printf '%s' "$2" >"$folder/$1.part"
    mv "$folder/$1.part" "$folder/$1"
    echo "made $folder/$1"
}

mkdir -p "$folder/keys" "$folder/sources"

keep_or_write postgres_password "$(hex)"
keep_or_write admin_url "postgresql://postgres:$(cat "$folder/postgres_password")@postgres:5432/postgres"
keep_or_write warehouse_url "postgresql://tukiverkko_pipeline:$(hex)@postgres:5432/tukiverkko"
keep_or_write airflow_url "postgresql://airflow:$(hex)@postgres:5432/airflow"
keep_or_write celery_results_url "postgresql://celery:$(hex)@postgres:5432/celery"
keep_or_write redis_password "$(hex)"
keep_or_write broker_url "redis://:$(cat "$folder/redis_password")@redis:6379/0"
keep_or_write fernet_key "$(base64_key | tr '+/' '-_')"
keep_or_write api_secret_key "$(hex)"
keep_or_write jwt_secret "$(hex)$(hex)"
keep_or_write airflow_passwords "{\"admin\": \"$(hex)\"}"
keep_or_write superset_url "postgresql://superset:$(hex)@postgres:5432/superset"
keep_or_write superset_secret_key "$(hex)$(hex)"
keep_or_write superset_admin_password "$(hex)"
keep_or_write superset_readers_key "$(hex)"
keep_or_write sources/connections.json "{}"

keep_or_write keys/regional.key "$(base64_key)"
keep_or_write keys/archive.key "$(base64_key)"
for municipality in "$project"/municipalities/*/municipality.yaml; do
    [ -e "$municipality" ] || continue
    keep_or_write "keys/$(basename "$(dirname "$municipality")").key" "$(base64_key)"
done

if [ "$(id -u)" -eq 0 ]; then
    chgrp -R "$group" "$folder"
    # A private key put here by hand is its owner's alone; the worker reads it by its group.
    chmod -R g+rX "$folder/sources"
else
    echo "Not root: give the files to group $group (chgrp -R $group $folder), or the containers cannot read them." >&2
fi
