#!/bin/sh
# Tries navodoo on a real Odoo 19: sh tests/real_odoo/run.sh NAVODOO_BINARY
#   NAVODOO_REAL_ODOO=1   without it nothing is done
#   NAVODOO_ODOO_CACHE    folder of package and template; default: the cache folder of the user
# The last line is "N passed, N failed". Nothing is left running, and outside the cache no file.
set -u
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${NAVODOO_REAL_ODOO:-}" ]; then
  echo "skipped: a real Odoo is tried with NAVODOO_REAL_ODOO=1"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi
[ $# -ge 1 ] || { echo "usage: run.sh NAVODOO_BINARY" >&2; exit 2; }
navodoo=$(realpath "$1"); shift

# Odoo must be able to read the cache: a root's own home is closed to other users.
if [ "$(id -u)" = 0 ]; then own_cache=/var/cache; else own_cache=$HOME/.cache; fi
cache=${NAVODOO_ODOO_CACHE:-${XDG_CACHE_HOME:-$own_cache}/navodoo/odoo-19}
mkdir -p "$cache" || exit 1
begin=$(date +%s)
work=$(mktemp -d "${TMPDIR:-/tmp}/navodoo-odoo.XXXXXX")
chmod 711 "$work"

. "$here/server.sh"
trap stop EXIT
trap 'exit 130' INT TERM HUP

install_needed
fetch
start
export NV_ODOO_URL="http://127.0.0.1:$port" NV_ODOO_TEMPLATE=template_navodoo
export NV_ODOO_USERS="$template/user.json" NV_PG_BIN="$bin" NV_PG_SOCKET="$work/socket"
export NV_ODOO_LOG="$work/odoo.log"
say "package ${tree##*/tree-}"
cd "$here/../.." || exit 1
export PYTHONDONTWRITEBYTECODE=1
"$python" "$here/check.py" "$navodoo" "$@" &
check_pid=$!
wait "$check_pid"
code=$?
check_pid=
exit "$code"
