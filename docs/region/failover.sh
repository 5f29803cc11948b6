#!/bin/sh
# The primary dies at once; the standby takes over. The hubs find it by themselves: both are in their database URL.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/settings.sh"
as_db "$PG_BIN/pg_ctl" -D "$REGION_DIR/db/primary" -m immediate stop >/dev/null
as_db "$PG_BIN/pg_ctl" -w -D "$REGION_DIR/db/standby" promote >/dev/null
until_true "the hubs" answers "$PROXY_PORT"
echo "the standby is primary now, and alone: make a new standby before a hub is started again"
