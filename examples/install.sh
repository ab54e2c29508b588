#!/bin/sh
# Installs the Debian packages that are missing.
#   sh examples/install.sh build        to build and run navodoo
#   sh examples/install.sh build test   and to run all its tests
set -eu

build="gcc libc6-dev make cmake pkg-config liblua5.4-dev lua-cjson-dev
  libcurl4-openssl-dev libuv1-dev libsqlite3-dev libxml2-dev libmicrohttpd-dev
  libglib2.0-dev libutf8proc-dev libssl-dev libmimalloc-dev libedit-dev tzdata ca-certificates curl"
test="clang libclang-rt-14-dev libcmocka-dev lua-check python3 python3-odoorpc python3-prometheus-client procps tmux
  apache2-bin libapache2-mod-auth-gssapi krb5-kdc krb5-admin-server gss-ntlmssp python3-gssapi
  python3-requests-ntlm"

wanted=""
for set in "$@"; do
  case $set in
    build) wanted="$wanted $build" ;;
    test) wanted="$wanted $test" ;;
    *) echo "install.sh: $set is neither build nor test" >&2; exit 2 ;;
  esac
done

missing=""
for package in $wanted; do
  state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
  case $state in ii*) ;; *) missing="$missing $package" ;; esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null 2>&1; then
  as_root="sudo"
else
  echo "Packages are missing. As root, run:" >&2
  echo "  apt-get update && apt-get install -y --no-install-recommends$missing" >&2
  exit 1
fi
echo "installing:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
