#!/bin/sh
# hub.sh start|stop|kill NUMBER: one hub of the example. stop drains first; kill is a power cut.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/settings.sh"
number=$2
pid_file=$REGION_DIR/hub-$number.pid
is_gone() { ! kill -0 "$1" 2>/dev/null; }
runs() { [ -e "$pid_file" ] && ! is_gone "$(cat "$pid_file")"; }

case $1 in
start)
    if runs; then echo "hub $number runs already" >&2; exit 1; fi
    eval "port=\$HUB_${number}_PORT"
    PGPASSFILE=$REGION_DIR/pgpass WORKLIST_HUB_DRAFT_KEY=$(cat "$REGION_DIR/draft-key") \
        nohup $WORKLIST_HUB serve --config "$REGION_DIR/hub-$number.toml" \
        >>"$REGION_DIR/hub-$number.log" 2>&1 </dev/null &
    echo $! >"$pid_file"
    until_true "hub $number (see $REGION_DIR/hub-$number.log)" answers "$port"
    ;;
stop | kill)
    [ -e "$pid_file" ] || exit 0
    pid=$(cat "$pid_file")
    rm "$pid_file"
    if [ "$1" = kill ]; then signal=KILL; else signal=TERM; fi
    kill "-$signal" "$pid" 2>/dev/null || true # it may have ended by itself
    until_true "the end of hub $number" is_gone "$pid"
    ;;
*)
    echo "hub.sh start|stop|kill NUMBER" >&2
    exit 2
    ;;
esac
