#!/bin/sh
# From a bare Debian 12 to a first synchronisation: installs what is missing, builds,
# starts the built-in sandbox NAV and Odoo, runs the flows of flows/ against them,
# edits customers in NAV while they run, and tells what arrived and what was refused.
# Leaves nothing running. CUSTOMERS, NAV_PORT and ODOO_PORT override the defaults.
set -eu
cd "$(dirname "$0")/.."
customers=${CUSTOMERS:-200}
nav=127.0.0.1:${NAV_PORT:-7048}
odoo=127.0.0.1:${ODOO_PORT:-8069}

work=$(mktemp -d)
sandbox="" engine=""
finish() {
  for pid in $engine $sandbox; do kill "$pid" 2>/dev/null || true; done
  for pid in $engine $sandbox; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() { # fail WHAT [FILE]: what went wrong, and the end of what the program said
  if [ -n "${2:-}" ] && [ -s "$2" ]; then tail -n 40 "$2" >&2; fi
  echo "quickstart: $1" >&2
  exit 1
}

wait_for() { # wait_for SECONDS COMMAND...: until it succeeds
  left=$(($1 * 10)); shift
  while [ "$left" -gt 0 ]; do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1; left=$((left - 1))
  done
  return 1
}

sh examples/install.sh build ||
  fail "the packages above could not be installed; install them by hand, then run this again"

# From here on everything is on this machine, whatever proxy the rest of the world needs.
no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost
export no_proxy NO_PROXY

echo "building into build/release"
{ cmake -S . -B build/release -DNAVODOO_TESTS=OFF &&
    cmake --build build/release -j"$(nproc)"; } >"$work/build.log" 2>&1 ||
  fail "the build failed, see above" "$work/build.log"

navodoo=build/release/navodoo
state=$work/state
run() { # run OPTIONS...: the engine on the sandbox
  exec "$navodoo" run flows/ --state "$state" "$@" \
    --set "nav.url=http://$nav/DynamicsNAV110/ODataV4" --set "odoo.url=http://$odoo"
}

echo
echo "\$ navodoo sandbox        a NAV with $customers customers on $nav, an Odoo on $odoo"
"$navodoo" sandbox --nav "$nav" --odoo "$odoo" --customers "$customers" --partners 20 \
  >"$work/sandbox.log" 2>&1 &
sandbox=$!
listening() {
  curl -sf "http://$nav/_sandbox/stats" && curl -sf "http://$odoo/_sandbox/stats"
}
gone_or_listening() { ! kill -0 "$sandbox" || listening; }
wait_for 20 gone_or_listening || fail "the sandbox does not answer on $nav and $odoo" "$work/sandbox.log"
kill -0 "$sandbox" 2>/dev/null ||
  fail "the sandbox did not start; set NAV_PORT and ODOO_PORT to free ports" "$work/sandbox.log"

echo
echo "\$ navodoo run flows/ --once"
code=0
(run --once) >"$work/once.out" 2>"$work/once.log" || code=$?
cat "$work/once.out"
case $code in
  0) ;;
  3) echo "(exit code 3: some records need a person; below they are explained)" ;;
  *) fail "the first run ended with exit code $code" "$work/once.log" ;;
esac

echo
echo "\$ navodoo run flows/      and three people edit customers in NAV"
(run) >"$work/run.log" 2>&1 &
engine=$!
answers() { "$navodoo" status --state "$state" | grep -q "^engine: running"; }
gone_or_answers() { ! kill -0 "$engine" || answers; }
wait_for 20 gone_or_answers || fail "the engine does not answer" "$work/run.log"
kill -0 "$engine" 2>/dev/null || fail "the engine ended" "$work/run.log"

# Customers that are linked, so that an edit can be seen to arrive.
"$navodoo" dead --state "$state" --json >"$work/dead" || fail "navodoo dead failed"
curl -sf "http://$nav/_sandbox/dump?table=Customer" >"$work/customers" ||
  fail "the sandbox NAV does not answer" "$work/sandbox.log"
keys=""
grep -o '"No":"[^"]*"' "$work/customers" | sed 's/.*:"//; s/"//' >"$work/numbers"
while read -r key; do
  grep -q "/$key\"" "$work/dead" || keys="$keys $key"
done <"$work/numbers"
# shellcheck disable=SC2086
set -- $keys
[ $# -ge 4 ] || fail "CUSTOMERS=$customers leaves $# customers to edit, four are needed"

edit() { # edit KEY FIELD VALUE: a person changes a field in NAV
  curl -sf -X POST "http://$nav/_sandbox/edit" -H 'Content-Type: application/json' \
    -d "{\"table\":\"Customer\",\"key\":\"$1\",\"fields\":{\"$2\":$3}}" >"$work/edit" ||
    fail "NAV does not take $2 = $3 for customer $1" "$work/edit"
}
partner() { # partner KEY FIELD: what Odoo has now
  curl -sf "http://$odoo/_sandbox/dump?model=res.partner" | grep -o "\"ref\":\"$1\"[^}]*" |
    sed "s/.*\"$2\":\(\"[^\"]*\"\|[^,]*\).*/\1/"
}
arrived() { [ "$(partner "$1" "$2")" = "$3" ]; }
show() { # show KEY NAV-FIELD ODOO-FIELD VALUE
  wait_for 60 arrived "$1" "$3" "$4" ||
    fail "customer $1: $3 is $(partner "$1" "$3") in Odoo after a minute, not $4" "$work/run.log"
  printf '  customer %-10s %-16s -> Odoo partner, %-12s = %s\n' "$1" "$2" "$3" "$4"
}

edit "$1" Phone_No '"+43 1 5550101"'
edit "$2" City '"Innsbruck"'
edit "$3" Credit_Limit_LCY 12500.5
edit "$4" Customer_Posting_Group '""'
show "$1" Phone_No phone '"+43 1 5550101"'
show "$2" City city '"Innsbruck"'
show "$3" Credit_Limit_LCY credit_limit 12500.5

refused() { "$navodoo" dead --state "$state" --json | grep -q "/$4\""; }
wait_for 60 refused "$@" || fail "the customer without a posting group was not refused" "$work/run.log"
echo "  customer $4 lost its posting group in NAV: refused, see below"

echo
echo "\$ navodoo status"
"$navodoo" status --state "$state" || fail "navodoo status failed" "$work/run.log"

echo
echo "\$ navodoo dead            what waits for a person"
"$navodoo" dead --state "$state" || fail "navodoo dead failed" "$work/run.log"
id=$("$navodoo" dead --state "$state" --json | tr '{' '\n' | sed -n "s/.*\"id\":\([0-9]*\).*\/$4\".*/\1/p" | head -n 1)
if [ -n "$id" ]; then
  echo
  echo "\$ navodoo dead show $id"
  "$navodoo" dead show "$id" --state "$state" | grep -v '^payload\|^journal' || true
fi

kill "$engine"
code=0; wait "$engine" || code=$?
engine=""
[ "$code" = 0 ] || fail "the engine ended with exit code $code" "$work/run.log"

echo
echo "All stopped. Try next:"
echo "  export PATH=\"$(pwd)/build/release:\$PATH\""
echo "  navodoo sandbox --customers 1000 &"
echo "  navodoo check flows/              every mistake of a flow at once; edit flows/customer.lua first"
echo "  navodoo run flows/                until Ctrl-C; the state is kept in ./state"
echo "  navodoo status                    from another terminal"
echo "  navodoo COMMAND --help            all of it, with examples"
