#!/bin/sh
# Ends what start.sh started, in the order that loses nothing: proxy, hubs, database. The data stays in REGION_DIR.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/settings.sh"
if [ -e "$REGION_DIR/haproxy.pid" ]; then
    while read -r pid; do kill "$pid"; done <"$REGION_DIR/haproxy.pid"
    rm "$REGION_DIR/haproxy.pid"
fi
"$here/hub.sh" stop 1 &
"$here/hub.sh" stop 2
wait
for server in primary standby; do
    if [ -e "$REGION_DIR/db/$server/postmaster.pid" ]; then
        as_db "$PG_BIN/pg_ctl" -w -m fast -D "$REGION_DIR/db/$server" stop >/dev/null
    fi
done
