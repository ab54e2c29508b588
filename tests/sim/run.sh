#!/bin/sh
# Simulated days on all cores; then one of them once more, which must go as it went.
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
for again in 1 2; do "$sim" --from "$from" --seeds 1 --verbose 2>/dev/null >"$work/again$again"; done
grep -v ' passed, ' "$work"/[0-9]* /dev/null | sed 's/^[^:]*://'
same=0
if cmp -s "$work/again1" "$work/again2"; then same=1; else echo "seed $from does not replay:"; cat "$work"/again*; fi
sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$work"/[0-9]* |
  awk -v cores="$cores" -v same="$same" '{ n++; p += $1; f += $2 }
    END { f += cores - n + 1 - same; p += same; print p " passed, " f " failed"; exit f > 0 }'
