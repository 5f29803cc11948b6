#!/bin/sh
# The whole life of a workitem, with nothing but curl: PS3.18 chapter 11 as any client may speak it.
#
#   docs/workitem-life.sh http://127.0.0.1:8080 [TOKEN]
#
# Where the hub asks for a token, give it; where it does not, X-Worklist-Reader says who reads.
set -eu

hub=${1:?"usage: workitem-life.sh HUB-URL [TOKEN]"}
token=${2:-}
uid=${UID_OF_WORKITEM:-"2.25.$(od -An -N7 -tu8 /dev/urandom | tr -d ' ')"}
claim=${UID_OF_CLAIM:-"2.25.$(od -An -N7 -tu8 /dev/urandom | tr -d ' ')"}
reader='%7B%22code%22%3A%22curl%22%2C%22name%22%3A%22Curl%5EC%22%2C%22organisation%22%3A%22North%22%7D'

# ask STATUS METHOD PATH [BODY]: ask, show the status, and end where it is not the one expected.
ask() {
    expected=$1 method=$2 path=$3 body=${4:-}
    set -- --silent --show-error --max-time 20 --request "$method" --header 'Accept: application/dicom+json' \
        --output "$answer" --dump-header "$head" --write-out '%{http_code}'
    if [ -n "$token" ]; then set -- "$@" --header "Authorization: Bearer $token"; else
        set -- "$@" --header "X-Worklist-Reader: $reader"; fi
    if [ -n "$body" ]; then
        set -- "$@" --header 'Content-Type: application/dicom+json' --data-binary "$body"; fi
    status=$(curl "$@" "$hub$path")
    printf '%-7s %-60.60s %s\n' "$method" "$path" "$status"
    grep -i '^warning:' "$head" || true
    if [ "$status" != "$expected" ]; then
        echo "expected $expected" >&2
        cat "$answer" >&2
        exit 1
    fi
}
# holds TEXT: the last answer must hold it.
holds() { grep -q "$1" "$answer" || { echo "the answer does not hold $1" >&2; cat "$answer" >&2; exit 1; }; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
answer=$work/answer head=$work/head

echo '-- what the hub can do'
ask 200 OPTIONS /
echo '-- create it, SCHEDULED'
ask 201 POST "/workitems?workitem=$uid" '{
  "00741000":{"vr":"CS","Value":["SCHEDULED"]},
  "00741200":{"vr":"CS","Value":["HIGH"]},
  "00741204":{"vr":"LO","Value":["CT head"]},
  "00404041":{"vr":"CS","Value":["READY"]},
  "00404005":{"vr":"DT","Value":["20260102030405+0100"]},
  "00404027":{"vr":"SQ","Value":[{"00080100":{"vr":"SH","Value":["north"]},
    "00080102":{"vr":"SH","Value":["99UWL"]},"00080104":{"vr":"LO","Value":["North"]}}]},
  "00100010":{"vr":"PN","Value":[{"Alphabetic":"Curl^Patient"}]},
  "00100020":{"vr":"LO","Value":["C1"]},
  "0020000D":{"vr":"UI","Value":["1.2.3"]}}'
echo '-- a second time: it is there already'
ask 409 POST "/workitems?workitem=$uid" '{}'
echo '-- subscribe to it, with a deletion lock'
ask 201 POST "/workitems/$uid/subscribers/CURL?deletionlock=true"
grep -i '^content-location: ws' "$head"
echo '-- find it'
ask 200 GET "/workitems?SOPInstanceUID=$uid&ProcedureStepState=SCHEDULED&includefield=all&limit=1&fuzzymatching=true"
holds "$uid"
echo '-- reserve it'
ask 200 POST "/workitems/$uid" '{"00404034":{"vr":"SQ","Value":[{
  "00404009":{"vr":"SQ","Value":[{"00080100":{"vr":"SH","Value":["curl"]},
    "00080102":{"vr":"SH","Value":["99UWL"]},"00080104":{"vr":"LO","Value":["Curl^C"]}}]},
  "00404037":{"vr":"PN","Value":[{"Alphabetic":"Curl^C"}]}}]}}'
echo '-- claim it, with a Transaction UID of our own'
state() { printf '{"00741000":{"vr":"CS","Value":["%s"]},"00081195":{"vr":"UI","Value":["%s"]}}' "$1" "$2"; }
ask 200 PUT "/workitems/$uid/state" "$(state 'IN PROGRESS' "$claim")"
echo '-- the same claim once more, as if its answer had been lost'
ask 200 PUT "/workitems/$uid/state" "$(state 'IN PROGRESS' "$claim")"
echo '-- somebody else is refused'
ask 409 PUT "/workitems/$uid/state" "$(state 'IN PROGRESS' 1.2.3.4)"
ask 400 POST "/workitems/$uid?transaction-uid=1.2.3.4" '{"00741204":{"vr":"LO","Value":["mine"]}}'
echo '-- a report is begun, and signed (the fence)'
progress() { printf '{"00741002":{"vr":"SQ","Value":[{"00741004":{"vr":"DS","Value":[%s]}}]}}' "$1"; }
ask 200 POST "/workitems/$uid?transaction-uid=$claim" "$(progress 1)"
ask 200 POST "/workitems/$uid?transaction-uid=$claim" "$(progress 100)"
echo '-- complete it: not before the final state requirements are met'
ask 409 PUT "/workitems/$uid/state" "$(state COMPLETED "$claim")"
code() { printf '{"00080100":{"vr":"SH","Value":["%s"]},"00080102":{"vr":"SH","Value":["%s"]},"00080104":{"vr":"LO","Value":["%s"]}}' "$1" "$2" "$3"; }
ask 200 POST "/workitems/$uid?transaction-uid=$claim" '{"00741216":{"vr":"SQ","Value":[{
  "00404050":{"vr":"DT","Value":["20260102030500+0100"]},
  "00404051":{"vr":"DT","Value":["20260102031000+0100"]},
  "00404028":{"vr":"SQ","Value":['"$(code DESK 99UWL Desk)"']},
  "00404019":{"vr":"SQ","Value":['"$(code 110005 DCM Interpretation)"']},
  "00404033":{"vr":"SQ","Value":[{"0040E020":{"vr":"CS","Value":["DICOM"]},
    "0020000D":{"vr":"UI","Value":["1.2.3"]},"0020000E":{"vr":"UI","Value":["1.2.3.1"]},
    "00081199":{"vr":"SQ","Value":[{"00081150":{"vr":"UI","Value":["1.2.840.10008.5.1.4.1.1.88.22"]},
      "00081155":{"vr":"UI","Value":["1.2.3.1.1"]}}]}}]}}]}}'
ask 200 PUT "/workitems/$uid/state" "$(state COMPLETED "$claim")"
ask 200 GET "/workitems/$uid"
holds COMPLETED
if grep -q "$claim" "$answer"; then echo 'the Transaction UID was given away' >&2; exit 1; fi
echo '-- what is done cannot be canceled; the lock is let go'
ask 409 POST "/workitems/$uid/cancelrequest" '{"00741238":{"vr":"LT","Value":["too late"]}}'
ask 200 DELETE "/workitems/$uid/subscribers/CURL"
echo "done: $uid is COMPLETED"
