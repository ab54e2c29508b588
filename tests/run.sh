#!/bin/sh
# Installs what is missing, builds with sanitizers, runs every test.
# The last line is "N passed, N failed" (", N skipped" where something was).
#   FULL=1               also valgrind, torture, and many more seeds and kills
#   NAVODOO_REAL_ODOO=1  also a real Odoo (tests/real_odoo)
set -u
cd "$(dirname "$0")/.."
top=$(pwd)
out=${NAVODOO_BUILD:-$top/build}
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
export LSAN_OPTIONS="suppressions=$top/tests/lsan.supp:print_suppressions=0"
export NO_COLOR=1

sh examples/install.sh build test || exit 1

passed=0 failed=0 skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# run NAME COMMAND...: counts what the output says, or one test by its exit code.
run() {
  name=$1; shift
  begin=$(date +%s)
  timeout "${LIMIT:-900}" "$@" >"$work/out" 2>&1
  code=$?
  [ "$code" = 124 ] && echo "still running after ${LIMIT:-900} s: ended" >>"$work/out"
  counts=$(python3 "$top/tests/count.py" "$code" <"$work/out")
  set -- $counts
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
  printf '%-28s %5d passed %3d failed %3d skipped  %ds\n' \
    "$name" "$1" "$2" "$3" $(($(date +%s) - begin))
  if [ "$2" -gt 0 ]; then tail -n 60 "$work/out" | sed 's/^/  | /'; fi
}

build() { # build FOLDER CMAKE-OPTIONS... -- TARGETS...
  folder=$1; shift
  options=""
  while [ $# -gt 0 ] && [ "$1" != -- ]; do options="$options $1"; shift; done
  shift
  # shellcheck disable=SC2086
  cmake -S . -B "$folder" $options >"$work/cmake" 2>&1 &&
    cmake --build "$folder" -j2 --target "$@" >"$work/make" 2>&1 && return 0
  tail -n 40 "$work/cmake" "$work/make" 2>/dev/null
  echo "build of $folder failed"
  echo "0 passed, 1 failed"
  exit 1
}

echo "building: gcc with sanitizers"
build "$out/asan" -DNAVODOO_SANITIZE=ON -DNAVODOO_FAILPOINTS=ON \
  -DCMAKE_BUILD_TYPE=Debug -- navodoo check_programs
echo "building: clang, optimised"
CC=clang build "$out/clang" -DNAVODOO_FAILPOINTS=ON -- navodoo sim erpdouble hookload
echo "building: fuzzers"
CC=clang build "$out/fuzz" -DNAVODOO_FUZZ=ON -- fuzz_programs

spec=$out/asan/tests/navodoo-spec
run "layers" "$spec" tests/lua/layers_spec.lua
run "luacheck" luacheck -q --config .luacheckrc stdlib flows tests
python3 tests/core/decimal_table.py >"$work/decimals" 2>/dev/null
export NV_DECIMAL_TABLE="$work/decimals"
for program in "$out"/asan/tests/test_*; do
  [ -x "$program" ] && run "core/$(basename "$program")" "$program"
done
LIMIT=300
for folder in lua stdlib; do
  for file in tests/$folder/*_spec.lua; do
    case $file in */layers_spec.lua) continue ;; esac
    run "$folder/$(basename "$file" .lua)" "$spec" "$file"
  done
done
run "navodoo test flows/" "$out/asan/navodoo" test flows/ --strict
LIMIT=900
run "repl in a terminal" sh tests/repl/run.sh "$out/asan/navodoo"
run "conformance" sh tests/stdlib/conformance/run.sh "$out/clang/navodoo"
run "50 mistakes in flows" python3 tests/flows/mistakes.py "$out/clang/navodoo"
run "both directions" python3 tests/both/both.py "$out/clang/navodoo"
run "items and products" python3 tests/both/items.py "$out/clang/navodoo"
run "both directions, OData V3" python3 tests/both/v3.py "$out/clang/navodoo"

run "a backup comes back" python3 tests/both/restore.py "$out/clang/navodoo"

run "signing in" /usr/bin/python3 tests/login/servers.py "$out/clang/navodoo" "$spec"
run "no secret leaks" /usr/bin/python3 tests/login/canary.py "$out/clang/navodoo"

seeds=200 kills=10 fuzz_seconds=15 matrix="" storm="--kills 20 --events 400"
[ "${FULL:-0}" = 1 ] && seeds=10000 kills=500 fuzz_seconds=600 LIMIT=36000 matrix=--whole storm="--kills 500 --events 10000"
if [ "${FULL:-0}" = 1 ]; then # a million, by the optimised build
  cmake --build "$out/clang" -j2 --target navodoo-spec >"$work/make" 2>&1
  NAVODOO_SCHEDULES=1000000 run "1,000,000 cursor schedules" \
    "$out/clang/tests/navodoo-spec" tests/stdlib/schedules_spec.lua
  NAVODOO_JOBS=10000000 run "10,000,000 jobs, retention" "$out/clang/tests/navodoo-spec" tests/bench/retention.lua
  run "faults at 30 % of calls" python3 tests/crash/faults.py "$out/clang/navodoo" --full
  NAVODOO_HOURS=24 run "a target down for a day" "$out/clang/tests/navodoo-spec" tests/bench/day.lua
fi
run "simulation, $seeds seeds" sh tests/sim/run.sh "$out/clang/tests/sim" "$seeds"
# shellcheck disable=SC2086
run "kill at failpoints" python3 tests/crash/kill.py "$out/clang/navodoo" $matrix
# shellcheck disable=SC2086
run "kills amid webhooks and work" python3 tests/crash/storm.py "$out/clang/navodoo" $storm
run "companies, clones, restores" python3 tests/crash/companies.py "$out/clang/navodoo"
run "reloads" python3 tests/crash/reload.py "$out/clang/navodoo" \
  "$out/clang/tests/bench/doubles/erpdouble"
run "$kills random kills" python3 tests/crash/kill.py "$out/clang/navodoo" --random "$kills"
run "webhooks: kills and floods" python3 tests/crash/hooks.py "$out/clang/navodoo" \
  "$out/clang/tests/bench/doubles/hookload" $((kills + 2))
run "slow and silent clients" python3 tests/crash/slow.py "$out/clang/navodoo"
for target in "$out"/fuzz/tests/fuzz_*; do
  [ -x "$target" ] || continue
  name=$(basename "$target")
  corpus=tests/fuzz/corpus/${name#fuzz_}
  [ -d "$corpus" ] || corpus=""
  mkdir -p "$work/$name"
  # shellcheck disable=SC2086
  run "$name" "$target" -max_total_time="$fuzz_seconds" -print_final_stats=0 -verbosity=0 \
    -artifact_prefix="$work/" "$work/$name" $corpus
done
run "real Odoo" sh tests/real_odoo/run.sh "$out/clang/navodoo"

if [ "$skipped" -gt 0 ]; then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
