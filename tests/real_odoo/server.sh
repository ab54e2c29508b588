# Gets and keeps a real Odoo 19 for the tests; sourced by run.sh.
#
# The package comes from the archive that this machine's apt already trusts, through apt's own
# signature check, in an apt root of its own: the system's sources stay as they are. It is
# unpacked beside the system, never installed. Database cluster, sockets, ports and files are
# private to one run and end with it; only the package and a finished template stay in $cache.
# run.sh gives: $here (this folder), $cache, $work (this run's folder), $begin (seconds).

package=odoo-19
modules=contacts,account,base_vat,purchase,base_automation
python=/usr/bin/python3 # Debian's own: the modules are there, not in another one of PATH
needed="python3 postgresql python3-asn1crypto python3-babel python3-cbor2 python3-dateutil
  python3-decorator python3-docutils python3-freezegun python3-geoip2 python3-gevent
  python3-jinja2 python3-libsass python3-lxml python3-magic python3-num2words python3-odoorpc
  python3-ofxparse python3-openpyxl python3-openssl python3-passlib python3-pil python3-polib
  python3-psutil python3-psycopg2 python3-pypdf python3-pypdf2 python3-qrcode python3-reportlab
  python3-requests python3-rjsmin python3-serial python3-stdnum python3-usb python3-vobject
  python3-werkzeug python3-xlrd python3-xlsxwriter python3-xlwt python3-zeep"

say() { printf '%3ds  %s\n' $(($(date +%s) - begin)) "$*"; }

die() { echo "real Odoo: $*" >&2; exit 1; }

# Neither PostgreSQL nor Odoo runs as root: a root gives both to the user postgres.
# With become=exec the command takes the place of the shell, so that $! is its own id.
become=
as_user() {
  if [ "$(id -u)" = 0 ]; then
    $become setpriv --reuid=postgres --regid=postgres --clear-groups env HOME="$work" "$@"
  else
    $become env HOME="$work" "$@"
  fi
}

own() { if [ "$(id -u)" = 0 ]; then chown -R postgres:postgres "$@"; fi; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo "$@"
  else die "not root and no sudo; as root, run: $*"
  fi
}

# Debian 12's packages that are missing. A database cluster that the installation starts by
# itself is stopped again.
install_needed() {
  missing=""
  for name in $needed; do
    state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null || true)
    case $state in ii*) ;; *) missing="$missing $name" ;; esac
  done
  [ -n "$missing" ] || return 0
  say "installing$missing"
  had_cluster=$(pg_lsclusters -h 2>/dev/null | grep -c online || true)
  as_root apt-get update -qq
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing >"$work/install.log" 2>&1 ||
    { tail -n 20 "$work/install.log" >&2; die "cannot install the packages it needs"; }
  if [ "${had_cluster:-0}" = 0 ]; then
    pg_lsclusters -h | while read -r version name _port state _rest; do
      case $state in online*) as_root pg_ctlcluster "$version" "$name" stop ;; esac
    done
  fi
}

# apt with lists, cache and sources of its own; keys and transport settings are the system's.
private_apt() {
  tool=$1; shift
  "$tool" -o Dir::State="$apt/state" -o Dir::State::status=/var/lib/dpkg/status \
    -o Dir::Cache="$apt/cache" -o Dir::Etc::sourcelist="$apt/sources.list" \
    -o Dir::Etc::sourceparts="$apt/parts" -o APT::Sandbox::User="$(id -un)" \
    -o Acquire::Languages=none "$@"
}

# The archive that bookworm itself comes from, as apt knows it.
archive() {
  apt-get indextargets --format '$(CODENAME) $(SITE)' 'Created-By: Packages' |
    sed -n 's/^bookworm //p' | sort -u | head -n 1
}

# Unpacks the package once; sets $tree.
fetch() {
  tree=$(find "$cache" -maxdepth 1 -name 'tree-*' 2>/dev/null | sort | tail -n 1)
  [ -z "$tree" ] || return 0
  site=$(archive)
  [ -n "$site" ] || { as_root apt-get update -qq; site=$(archive); }
  [ -n "$site" ] || die "apt knows no archive of Debian 12"
  apt=$work/apt
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/parts" "$apt/deb"
  echo "deb $site sid main" >"$apt/sources.list"
  say "fetching $package"
  private_apt apt-get -qq update || die "the suite sid cannot be read"
  (cd "$apt/deb" && private_apt apt-get -qq download "$package") || die "$package cannot be fetched"
  set -- "$apt/deb"/*.deb
  tree=$cache/tree-$(dpkg-deb -f "$1" Version)
  say "unpacking $package $(dpkg-deb -f "$1" Version)"
  dpkg-deb -x "$1" "$cache/new.$$"
  # translations are half of it, and nothing here reads them
  find "$cache/new.$$" -depth -type d \( -name i18n -o -name i18n_extra \) -exec rm -rf {} +
  mv "$cache/new.$$" "$tree"
  rm -rf "$apt"
}

# odoo SUBCOMMAND...: Odoo's own command line, on this run's cluster.
odoo() {
  as_user env PYTHONPATH="$tree/usr/lib/python3/dist-packages" PYTHONDONTWRITEBYTECODE=1 \
    "$python" "$tree/usr/bin/odoo" "$@"
}

configure() {
  cat >"$work/odoo.conf" <<END
[options]
addons_path = $tree/usr/lib/python3/dist-packages/odoo/addons
data_dir = $work/data
db_host = $work/socket
db_port = 5432
db_user = odoo
http_interface = 127.0.0.1
http_port = $port
server_wide_modules = base,rpc,web
workers = 0
max_cron_threads = 0
dbfilter = ^(?!template_)
without_demo = all
log_handler = :WARNING,werkzeug:INFO
END
}

pg() { tool=$1; shift; as_user "$bin/$tool" "$@"; }

start_cluster() {
  settings="-c listen_addresses= -c unix_socket_directories=$work/socket -c max_connections=60"
  settings="$settings -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
  pg pg_ctl -s -w -D "$work/pgdata" -l "$work/postgresql.log" -o "$settings" start ||
    { cat "$work/postgresql.log" >&2; die "PostgreSQL does not start"; }
}

stop_cluster() { # stop_cluster fast|immediate
  [ ! -e "$work/pgdata/postmaster.pid" ] || pg pg_ctl -s -w -m "$1" -D "$work/pgdata" stop || true
}

# A database with the modules and the integration user, made once; sets $template.
make_template() {
  digest=$(printf '%s\n' "$modules" "${tree##*/}" | cat - "$here/prepare.py" | sha256sum)
  digest=$(echo "$digest" | cut -c1-12)
  template=$cache/template-$digest
  [ ! -e "$template/user.json" ] || return 0
  say "making the template database: $modules"
  mkdir -p "$work/pgdata"
  own "$work"
  pg initdb -D "$work/pgdata" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >"$work/initdb.log"
  start_cluster
  pg createuser -U postgres -h "$work/socket" -d odoo
  odoo server -c "$work/odoo.conf" -d template_navodoo -i "$modules" --stop-after-init --no-http \
    >"$work/init.log" 2>&1 ||
    { tail -n 30 "$work/init.log" >&2; die "the template cannot be made"; }
  say "making the integration user and its API key, payment terms, languages"
  odoo shell -c "$work/odoo.conf" -d template_navodoo --no-http \
    <"$here/prepare.py" >"$work/shell.log" 2>&1
  sed -n 's/^navodoo-user: //p' "$work/shell.log" >"$work/user.json"
  [ -s "$work/user.json" ] || { tail -n 30 "$work/shell.log" >&2; die "no integration user"; }
  stop_cluster fast
  mkdir -m 700 "$cache/new.$$"
  mv "$work/pgdata" "$work/user.json" "$cache/new.$$/"
  rm -rf "$work/data" "$cache"/template-*
  mv "$cache/new.$$" "$template"
}

# Starts PostgreSQL and Odoo on a copy of the template.
start() {
  bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
  [ -n "$bin" ] || die "no PostgreSQL here"
  port=$("$python" -c 'if True:
    import socket
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])')
  mkdir -p "$work/socket"
  configure
  make_template
  say "starting Odoo"
  cp -a "$template/pgdata" "$work/"
  rm -f "$work/odoo.log"
  own "$work"
  start_cluster
  { become="exec"; odoo server -c "$work/odoo.conf"; } >"$work/odoo.log" 2>&1 &
  odoo_pid=$!
}

# The databases go with the run: nothing has to be written out.
stop() {
  if [ -n "${check_pid:-}" ]; then kill "$check_pid"; wait "$check_pid"; fi 2>/dev/null
  if [ -n "${odoo_pid:-}" ]; then kill -KILL "$odoo_pid"; wait "$odoo_pid"; fi 2>/dev/null
  if [ -n "${bin:-}" ]; then stop_cluster immediate; fi
  rm -rf "$work" "$cache/new.$$"
}
