# shellcheck shell=bash
# What the provisioning scripts share; each sources it.

set -euo pipefail

provisioning=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
readonly provisioning

# Where what was done is remembered between runs.
readonly state_directory=/var/lib/es-failover-provisioning

say() { printf '%s: %s\n' "$HOSTNAME" "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

# wait_until SECONDS WHAT HINT COMMAND...: polls the command until it succeeds. Past the deadline it fails with what was
# waited for and where to look.
wait_until() {
  local seconds=$1 what=$2 hint=$3
  shift 3
  local deadline=$((SECONDS + seconds))
  until "$@"; do
    ((SECONDS < deadline)) || fail "waited ${seconds} s in vain for ${what}. ${hint}"
    sleep 1
  done
}

# Another program may hold the package database, such as the image's own first update: wait for it. What packages say
# while they are installed goes to a file for root only: Elasticsearch's prints a password.
apt_get() {
  local log=$state_directory/apt.log
  (umask 077 && : >>"$log")
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
    -o Dpkg::Options::=--force-confold "$@" </dev/null >>"$log" ||
    fail "\`apt-get $*\` failed; its messages stand above and in ${log}"
}

# installed_version PACKAGE: its version, or nothing when it is not installed.
installed_version() {
  # shellcheck disable=SC2016 # dpkg-query's own variables
  dpkg-query --show --showformat='${db:Status-Abbrev}${Version}\n' "$1" 2>/dev/null | sed -n 's/^.i //p'
}

# json_field NAME: a text at the top level of the JSON document on standard input.
json_field() {
  python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

# install_files: writes the files of the JSON document on standard input and prints which of them changed.
install_files() { "$provisioning/provision/install-files.py"; }
