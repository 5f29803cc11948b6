# Sourced by the other scripts: where the region lives on this machine. Each may be set in the environment.
: "${REGION_DIR:=$PWD/region-data}"        # everything the example makes
: "${WORKLIST_HUB:=worklist-hub}"          # the hub's command
: "${DB_USER:=postgres}"                   # runs PostgreSQL where the scripts run as root
: "${PRIMARY_PORT:=15432}" "${STANDBY_PORT:=15433}"
: "${HUB_1_PORT:=18081}" "${HUB_2_PORT:=18082}" "${PROXY_PORT:=18080}"
PG_BIN=${PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)}
PATH=$PATH:/usr/sbin

as_db() { # PostgreSQL refuses to run as root
    if [ "$(id -u)" = 0 ]; then (cd / && runuser -u "$DB_USER" -- "$@"); else "$@"; fi
}

sql() { # sql PORT STATEMENT
    PGPASSFILE=$REGION_DIR/pgpass "$PG_BIN/psql" -qAtX -h 127.0.0.1 -p "$1" -U worklist -d postgres -c "$2"
}

until_true() { # until_true WHAT COMMAND...: 60 seconds at most
    what=$1; shift
    for _ in $(seq 300); do
        if "$@" >"$REGION_DIR/wait.log" 2>&1; then return 0; fi
        sleep 0.2
    done
    echo "gave up waiting for $what" >&2
    return 1
}

answers() { curl --noproxy '*' -fsS -o /dev/null "http://127.0.0.1:$1/ready"; }

is_synchronous() {
    [ "$(sql "$PRIMARY_PORT" "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")" = 1 ]
}
