#!/bin/sh
# From a bare Debian 12 to a first synchronisation: installs what is missing, builds,
# starts the built-in sandbox NAV and Odoo, runs the flows of flows/ against them,
# makes a few edits while they run, and tells what was synced. Leaves nothing running.
set -eu
cd "$(dirname "$0")/.."
customers=${CUSTOMERS:-200}
nav=127.0.0.1:${NAV_PORT:-7048}
odoo=127.0.0.1:${ODOO_PORT:-8069}

sh examples/install.sh build

echo "building"
log=$(mktemp)
if ! { cmake -S . -B build/release -DNAVODOO_TESTS=OFF &&
       cmake --build build/release -j"$(nproc)"; } >"$log" 2>&1; then
  tail -n 40 "$log"; rm -f "$log"; exit 1
fi
rm -f "$log"
navodoo=build/release/navodoo

work=$(mktemp -d)
sandbox="" engine=""
finish() {
  for pid in $engine $sandbox; do kill "$pid" 2>/dev/null || true; done
  for pid in $engine $sandbox; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

wait_for() { # wait_for SECONDS COMMAND...: until it succeeds
  left=$(($1 * 10)); shift
  while [ "$left" -gt 0 ]; do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1; left=$((left - 1))
  done
  return 1
}

echo
echo "a sandbox NAV with $customers customers on $nav, a sandbox Odoo on $odoo"
$navodoo sandbox --nav "$nav" --odoo "$odoo" --customers "$customers" --partners 20 \
  >"$work/sandbox.log" 2>&1 &
sandbox=$!
if ! wait_for 10 curl -sf "http://$odoo/_sandbox/stats"; then
  cat "$work/sandbox.log"; exit 1
fi

echo "navodoo run flows/"
$navodoo run flows/ --state "$work/state" --set "nav.url=http://$nav/DynamicsNAV110/ODataV4" \
  --set "odoo.url=http://$odoo" >"$work/run.log" 2>&1 &
engine=$!

linked() { # linked N: at least N links, and no job ready
  $navodoo status --state "$work/state" --json >"$work/status" 2>/dev/null || return 1
  python_free_check "$1"
}
python_free_check() {
  links=$(sed -n 's/.*"links":\([0-9]*\).*/\1/p' "$work/status")
  grep -q '"ready"' "$work/status" && return 1
  [ "${links:-0}" -ge "$1" ]
}
if ! wait_for 60 linked $((customers * 9 / 10)); then
  cat "$work/run.log"; exit 1
fi
echo
$navodoo status --state "$work/state"

echo
echo "three people edit customers in NAV ..."
for key in 10000 20000 30000; do
  curl -sf -X POST "http://$nav/_sandbox/edit" -H 'Content-Type: application/json' \
    -d "{\"table\":\"Customer\",\"key\":\"$key\",\"fields\":{\"Phone_No\":\"+43 1 $key\"}}" >/dev/null ||
    echo "(customer $key is not in this data)"
done
updated() {
  $navodoo status --state "$work/state" --json | grep -q '"updated":3'
}
wait_for 60 updated || true
echo
$navodoo status --state "$work/state"
echo
echo "what waits for a person:"
$navodoo dead --state "$work/state"
echo
echo "Try next:"
echo "  $navodoo sandbox --customers 1000 &"
echo "  $navodoo run flows/              then edit flows/customer.lua"
echo "  $navodoo check flows/            every mistake of a flow at once"
echo "  $navodoo dead show ID            why a record was refused, and the way out"
