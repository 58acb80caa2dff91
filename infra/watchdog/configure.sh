#!/usr/bin/env bash
# Writes the watchdog's configuration and secrets, and restarts it if they or its release have changed. A configuration that
# the watchdog refuses does not take effect.
# Input (JSON): {"desired", "files": […]}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
desired=$(json_field desired <<<"$input")
readonly applied_file=$state_directory/watchdog-applied

install_files <<<"$input" >/dev/null
es-failover check-config >&2 || fail "the watchdog refuses its configuration; the reason is above"

systemctl enable --quiet es-failover
if [[ $(cat "$applied_file" 2>/dev/null) != "$desired" ]] || ! systemctl is-active --quiet es-failover; then
  if ! systemctl restart es-failover; then
    journalctl --unit es-failover --lines 20 --no-pager --output cat >&2 || true
    fail "the watchdog did not start. See \`journalctl -u es-failover\`."
  fi
  printf '%s\n' "$desired" >"$applied_file"
fi
