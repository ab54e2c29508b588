#!/bin/bash
# Tries navodoo on a real Odoo 14, by hand: sudo tests/real_odoo/by_hand_14.sh NAVODOO PART...
#
# Odoo 14 is Debian 11's package, so it runs in a tree of that release: made once by debootstrap,
# entered by chroot (so: root only), with the database outside. PART is a part of check.py that
# 14 can do: facts, both, jsonrpc, kills, differ. Give one at a time: with several databases 14
# does not know which one a call is for, and answers faults with a bare page.
set -eu
[ $# -ge 2 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
navodoo=$(realpath "$1"); shift
here=$(cd "$(dirname "$0")" && pwd)
tree=${NAVODOO_ODOO_CACHE:-/var/cache/navodoo}/bullseye
site=$(apt-get indextargets --format '$(CODENAME) $(SITE)' 'Created-By: Packages' |
  sed -n 's/^bookworm //p' | sort -u | head -n 1)

if [ ! -x "$tree/usr/bin/odoo" ]; then
  debootstrap --variant=minbase bullseye "$tree" "$site"
  printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d" # nothing starts by itself
  chmod +x "$tree/usr/sbin/policy-rc.d"
  chroot "$tree" env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get -qq update && apt-get -qqy --no-install-recommends install odoo-14'
fi
mountpoint -q "$tree/proc" || mount -t proc proc "$tree/proc"

work=$tree/srv/navodoo
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
port=$(/usr/bin/python3 -c 'if True:
  import socket
  s = socket.socket()
  s.bind(("127.0.0.1", 0))
  print(s.getsockname()[1])')
pg() { setpriv --reuid=postgres --regid=postgres --clear-groups env HOME="$work" "$bin/$@"; }
odoo_user=$(chroot "$tree" id -u odoo):$(chroot "$tree" id -g odoo)
odoo() {
  chroot --userspec="$odoo_user" "$tree" env HOME=/srv/navodoo/data LANG=C.UTF-8 \
    odoo "$1" -c /srv/navodoo/odoo.conf "${@:2}"
}
server=
stop() {
  [ -z "$server" ] || kill "$server" || true
  pg pg_ctl -s -w -m immediate -D "$work/pgdata" stop || true
  rm -rf "$work"
  umount "$tree/proc" || true
}
trap stop EXIT

rm -rf "$work"
mkdir -p "$work/socket" "$work/data"
chown -R postgres:postgres "$work"
pg initdb -D "$work/pgdata" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >"$work/initdb.log"
chmod 777 "$work/socket"
pg pg_ctl -s -w -D "$work/pgdata" -l "$work/pg.log" -o "-c listen_addresses= \
  -c unix_socket_directories=$work/socket -c fsync=off -c synchronous_commit=off" start
pg createuser -U postgres -h "$work/socket" -d odoo
cat >"$work/odoo.conf" <<END
[options]
addons_path = /usr/lib/python3/dist-packages/odoo/addons
data_dir = /srv/navodoo/data
db_host = /srv/navodoo/socket
db_port = 5432
db_user = odoo
http_interface = 127.0.0.1
http_port = $port
workers = 0
max_cron_threads = 0
dbfilter = ^(?!template_)
without_demo = all
log_handler = :WARNING,werkzeug:INFO
END
chown -R "$odoo_user" "$work/data" "$work/odoo.conf"
echo "making the database"
odoo server -d template_navodoo -i contacts,account,base_vat,purchase --stop-after-init --no-http \
  >"$work/init.log" 2>&1 || { tail -n 30 "$work/init.log" >&2; exit 1; }
# what prepare.py does, in the words of 14
sed -e 's/"group_ids"/"groups_id"/' -e 's/("rpc", "navodoo", None)/("rpc", "navodoo")/' \
  -e 's/"value": "percent", "value_amount": 100,/"value": "balance",/' -e 's/"nb_days"/"days"/' \
  "$here/prepare.py" >"$work/prepare.py"
odoo shell -d template_navodoo --no-http <"$work/prepare.py" >"$work/shell.log" 2>&1
sed -n 's/^navodoo-user: //p' "$work/shell.log" >"$work/user.json"
[ -s "$work/user.json" ] || { tail -n 30 "$work/shell.log" >&2; exit 1; }
odoo server >"$work/odoo.log" 2>&1 &
server=$!
export NV_ODOO_URL="http://127.0.0.1:$port" NV_ODOO_TEMPLATE=template_navodoo
export NV_ODOO_USERS="$work/user.json" NV_PG_BIN="$bin" NV_PG_SOCKET="$work/socket"
export NV_ODOO_LOG="$work/odoo.log" PYTHONDONTWRITEBYTECODE=1
cd "$here/../.."
/usr/bin/python3 "$here/check.py" "$navodoo" "$@"
