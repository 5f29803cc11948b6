#!/bin/sh
# A region on one machine: PostgreSQL with a synchronous standby, two hubs, a proxy. All of it on loopback only.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/settings.sh"

if [ -e "$REGION_DIR" ]; then echo "$REGION_DIR is there already: run stop.sh, and remove it" >&2; exit 1; fi
for program in "${WORKLIST_HUB%% *}" curl haproxy "$PG_BIN/initdb"; do
    command -v "$program" >/dev/null || { echo "$program is not found (see docs/operation.md)" >&2; exit 1; }
done
mkdir -p "$REGION_DIR/db"
chmod 755 "$REGION_DIR"
[ "$(id -u)" != 0 ] || chown "$DB_USER" "$REGION_DIR/db"

# What was started ends again where something goes wrong on the way; the logs stay.
trap '[ $? = 0 ] || { "$here/stop.sh"; echo "not started; look into $REGION_DIR, and remove it before the next try" >&2; }' EXIT

# --- PostgreSQL: a primary whose commits wait for the standby
password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
(umask 077
 printf '%s\n' "$password" >"$REGION_DIR/db-password"
 for port in "$PRIMARY_PORT" "$STANDBY_PORT"; do printf '127.0.0.1:%s:*:worklist:%s\n' "$port" "$password"; done \
     >"$REGION_DIR/pgpass")
as_db sh -c 'umask 077; cat >"$1"' - "$REGION_DIR/db/pgpass" <"$REGION_DIR/pgpass"
as_db sh -c 'umask 077; cat >"$1"' - "$REGION_DIR/db/password" <"$REGION_DIR/db-password"
as_db "$PG_BIN/initdb" -D "$REGION_DIR/db/primary" -U worklist -E UTF8 --locale=C \
    --auth=scram-sha-256 --pwfile="$REGION_DIR/db/password" >"$REGION_DIR/initdb.log"
as_db sh -c 'cat >>"$1/postgresql.conf"' - "$REGION_DIR/db/primary" <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = $PRIMARY_PORT
max_connections = 100
synchronous_commit = on
END
as_db "$PG_BIN/pg_ctl" -w -D "$REGION_DIR/db/primary" -l "$REGION_DIR/db/primary.log" start >/dev/null
sql "$PRIMARY_PORT" "CREATE DATABASE worklist"
as_db env PGPASSFILE="$REGION_DIR/db/pgpass" "$PG_BIN/pg_basebackup" -D "$REGION_DIR/db/standby" -R -c fast \
    -d "host=127.0.0.1 port=$PRIMARY_PORT user=worklist application_name=standby passfile=$REGION_DIR/db/pgpass"
as_db sh -c 'echo "port = $2" >>"$1/postgresql.conf"' - "$REGION_DIR/db/standby" "$STANDBY_PORT"
as_db "$PG_BIN/pg_ctl" -w -D "$REGION_DIR/db/standby" -l "$REGION_DIR/db/standby.log" start >/dev/null
sql "$PRIMARY_PORT" "ALTER SYSTEM SET synchronous_standby_names = 'standby'"
sql "$PRIMARY_PORT" "SELECT pg_reload_conf()" >/dev/null
until_true "the standby" is_synchronous

# --- the key that seals drafts which readers hand over: the same for both hubs, and nowhere in the database
(umask 077
 printf '%s\n' "$(head -c 32 /dev/urandom | base64)" >"$REGION_DIR/draft-key")

# --- two hubs over the same database
export PGPASSFILE="$REGION_DIR/pgpass"
for number in 1 2; do
    eval "port=\$HUB_${number}_PORT"
    sed -e "s/@PORT@/$port/" -e "s/@NUMBER@/$number/" -e "s/@PRIMARY@/$PRIMARY_PORT/" -e "s/@STANDBY@/$STANDBY_PORT/" \
        "$here/hub.toml.in" >"$REGION_DIR/hub-$number.toml"
done
$WORKLIST_HUB migrate --config "$REGION_DIR/hub-1.toml"
"$here/hub.sh" start 1
"$here/hub.sh" start 2

# --- the proxy
sed -e "s/@PROXY@/$PROXY_PORT/" -e "s/@HUB_1@/$HUB_1_PORT/" -e "s/@HUB_2@/$HUB_2_PORT/" \
    "$here/haproxy.cfg.in" >"$REGION_DIR/haproxy.cfg"
haproxy -c -q -f "$REGION_DIR/haproxy.cfg"
haproxy -D -f "$REGION_DIR/haproxy.cfg" -p "$REGION_DIR/haproxy.pid"
until_true "the proxy" answers "$PROXY_PORT"
echo "the region's worklist: http://127.0.0.1:$PROXY_PORT"
