#!/bin/sh
# The sandbox against clients that we did not write (python3-odoorpc, xmlrpc.client, a plain
# OData reader, @odata/client where npm is), each on a fresh sandbox; and the command line from outside.
#   run.sh NAVODOO
set -u
navodoo=$1
here=$(dirname "$0")
work=$(mktemp -d)
sandbox=""
stop() {
  [ -n "$sandbox" ] || return 0
  kill "$sandbox" 2>/dev/null
  wait "$sandbox" 2>/dev/null
  sandbox=""
}
trap 'stop; rm -rf "$work"' EXIT

start() { # start VERSION: sets $nav and $odoo to host:port
  : >"$work/sandbox"
  "$navodoo" sandbox --nav 127.0.0.1:0 --odoo 127.0.0.1:0 --odoo-version "$1" \
    --customers 120 --vendors 30 --contacts 20 --addresses 20 --items 30 >"$work/sandbox" 2>"$work/log" &
  sandbox=$!
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    [ "$(grep -c http "$work/sandbox")" = 2 ] && break
    sleep 0.2
  done
  nav=$(sed -n 's|^nav *http://||p' "$work/sandbox")
  odoo=$(sed -n 's|^odoo *http://||p' "$work/sandbox")
}

passed=0 failed=0 skipped=0
count() { # count NAME COMMAND...
  name=$1; shift
  "$@" >"$work/out" 2>&1
  code=$?
  set -- $(python3 "$here/../../count.py" "$code" <"$work/out")
  echo "$name: $1 passed, $2 failed"
  passed=$((passed + $1)) failed=$((failed + $2))
  [ "$2" -gt 0 ] && tail -n 20 "$work/out"
  stop
}

start 19
# an administrator has NAV note what changes, so that those pages have rows too
for setup in "Change Log Setup" "Integration Setup"; do
  curl -s -o "$work/out" "http://$nav/_sandbox/edit" \
    -d "{\"table\":\"$setup\",\"key\":\"Customer\",\"action\":\"insert\"}"
done
count "OData reader" /usr/bin/python3 "$here/nav_odata.py" \
  "http://$nav/DynamicsNAV110/ODataV4"
clients=${NAVODOO_NODE_CLIENTS:-/var/cache/navodoo/node}
if ! [ -d "$clients/node_modules/@odata/client" ]; then # the cache, where we may write it
  mkdir -p "$clients" 2>/dev/null || clients=$work/node
  mkdir -p "$clients"
  command -v npm >/dev/null && timeout 120 npm install --prefix "$clients" --no-audit --no-fund --silent \
    @odata/client@2.21.10 >"$work/npm" 2>&1
fi
if [ -d "$clients/node_modules/@odata/client" ]; then
  start 19
  count "@odata/client, V3" env NODE_CLIENTS="$clients" node \
    "$here/nav_v3.mjs" "http://$nav/DynamicsNAV110/OData"
else
  echo "@odata/client, V3: skipped, npm could not install it"
  skipped=1
fi
for version in 14 17 18 19; do
  start $version
  count "odoorpc, Odoo $version" /usr/bin/python3 "$here/odoo_odoorpc.py" "${odoo%:*}" "${odoo#*:}"
  start $version
  count "xmlrpc.client, Odoo $version" /usr/bin/python3 "$here/odoo_xmlrpc.py" "${odoo%:*}" "${odoo#*:}"
done
[ -e "$here/cli.py" ] && count "command line" /usr/bin/python3 "$here/cli.py" "$navodoo"
count "ways to watch NAV" /usr/bin/python3 "$here/watch.py" "$navodoo"
count "monitor and alerts" /usr/bin/python3 "$here/monitor.py" "$navodoo"
count "webhooks" /usr/bin/python3 "$here/hooks.py" "$navodoo"
if [ "$skipped" -gt 0 ]; then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
