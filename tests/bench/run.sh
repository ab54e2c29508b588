#!/bin/sh
# Builds without sanitizers and prints the figures of W1 and W3.
#   sh tests/bench/run.sh [RECORDS]     default 100000
set -eu
cd "$(dirname "$0")/../.."
sh examples/install.sh build test
out=${NAVODOO_BUILD:-build}/bench
cmake -S . -B "$out" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$out" -j2 --target navodoo erpdouble >/dev/null
exec python3 tests/bench/run.py "$out/navodoo" "$out/tests/bench/doubles/erpdouble" "$@"
