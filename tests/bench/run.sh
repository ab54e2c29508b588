#!/bin/sh
# Builds without sanitizers and prints the figures: W1 and W3, W2 (webhooks), and how long
# a change in NAV takes to Odoo.
#   sh tests/bench/run.sh [RECORDS]     default 100000
set -eu
cd "$(dirname "$0")/../.."
sh examples/install.sh build test
out=${NAVODOO_BUILD:-build}/bench
cmake -S . -B "$out" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$out" -j2 --target navodoo erpdouble hookload >/dev/null
doubles=$out/tests/bench/doubles
python3 tests/bench/run.py "$out/navodoo" "$doubles/erpdouble" "$@"
python3 tests/bench/w2.py "$out/navodoo" "$doubles/erpdouble" "$doubles/hookload"
python3 tests/bench/lag.py "$out/navodoo"
