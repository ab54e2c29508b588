#!/bin/sh
# Simulated days on all cores.
#   run.sh SIM SEEDS [FROM]
set -u
sim=$1 seeds=$2 from=${3:-1}
cores=$(nproc)
share=$(((seeds + cores - 1) / cores))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
i=0
while [ "$i" -lt "$cores" ]; do
  "$sim" --from $((from + i * share)) --seeds "$share" >"$work/$i" 2>&1 &
  i=$((i + 1))
done
wait
cat "$work"/* | grep -v ' passed, '
sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$work"/* |
  awk -v cores="$cores" '{ n++; p += $1; f += $2 }
    END { f += cores - n; print p " passed, " f " failed"; exit f > 0 }'
