# shellcheck shell=bash
# Shared by the provisioning scripts; each of them sources it.

set -euo pipefail

provisioning=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
readonly provisioning

# Records what has been applied, for later runs. Elsewhere in tests alone.
readonly state_directory=${PROVISIONING_STATE:-/var/lib/es-failover-provisioning}

say() { printf '%s: %s\n' "$HOSTNAME" "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

# wait_until SECONDS WHAT HINT COMMAND...: polls the command until it succeeds. After the deadline it fails with WHAT it
# waited for and the HINT where to look.
wait_until() {
  local seconds=$1 what=$2 hint=$3
  shift 3
  local deadline=$((SECONDS + seconds))
  until "$@"; do
    ((SECONDS < deadline)) || fail "timed out after ${seconds} s waiting for ${what}. ${hint}"
    sleep 1
  done
}

# Waits while another program, such as the image's own first update, holds the lock of the package database. The output of
# packages goes to a file for root only: Elasticsearch's package prints a password.
apt_get() {
  local log=$state_directory/apt.log
  (umask 077 && : >>"$log")
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
    -o Dpkg::Options::=--force-confold "$@" </dev/null >>"$log" ||
    fail "\`apt-get $*\` failed; its messages are above and in ${log}"
}

# installed_version PACKAGE: prints its version, or nothing if it is not installed.
installed_version() {
  # shellcheck disable=SC2016 # dpkg-query's own variables
  dpkg-query --show --showformat='${db:Status-Abbrev}${Version}\n' "$1" 2>/dev/null | sed -n 's/^.i //p'
}

# json_field NAME: prints a text at the top level of the JSON document on standard input.
json_field() {
  python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

# interface_of ADDRESS: prints the name of the interface that has it, or nothing.
interface_of() {
  ip -4 -oneline address show | awk -v ip="$1/" 'index($4, ip) == 1 { print $2; exit }'
}

# install_files: writes the files of the JSON document on standard input and prints the paths of those that changed.
install_files() { "$provisioning/provision/install-files.py"; }
