#!/bin/sh
# The message broker: a queue in memory only (the scheduler queues again what a restart loses). The password comes from
# a file through standard input, so that it is on no command line.
set -eu
password=$(cat "${REDIS_PASSWORD_FILE:?names the file with the password}")
exec redis-server - <<CONFIGURATION
bind ${REDIS_BIND:-* -::*}
port ${REDIS_PORT:-6379}
dir ${REDIS_FOLDER:-/tmp}
requirepass $password
save ""
appendonly no
maxmemory-policy noeviction
CONFIGURATION
