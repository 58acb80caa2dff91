#!/usr/bin/env bash
# Installs HAProxy's configuration and certificates: checked first, applied by reload, rolled back on failure.
# Input (JSON): {"candidate": path of the new haproxy.cfg, "certificates": hash of them, "files": […]}, and "virtualAddress" where
# the region has one
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
candidate=$(json_field candidate <<<"$input")
certificates=$(json_field certificates <<<"$input")
readonly applied_file=$state_directory/haproxy-certificates
readonly master_socket=/run/haproxy/master.sock

# Before HAProxy answers keepalived's checks no more.
if ! python3 -c 'import json, sys; sys.exit("virtualAddress" not in json.load(sys.stdin))' <<<"$input"; then
  "$provisioning/haproxy/virtual-address-off.sh"
fi
install_files <<<"$input" >/dev/null
es-failover haproxy apply --file "$candidate" >&2 ||
  fail "HAProxy's new configuration was refused; the previous one is still in use. The reason is above."

systemctl enable --quiet haproxy
if [[ ! -S $master_socket ]] || ! systemctl is-active --quiet haproxy; then
  # At the first time HAProxy runs as its package started it, or not at all.
  systemctl reset-failed haproxy 2>/dev/null || true
  if ! systemctl restart haproxy; then
    journalctl --unit haproxy --lines 10 --no-pager --output cat >&2 || true
    fail "HAProxy did not start. See \`journalctl -u haproxy\`."
  fi
elif [[ $(cat "$applied_file" 2>/dev/null) != "$certificates" ]]; then
  systemctl reload haproxy || fail "HAProxy did not load the new certificates. See \`journalctl -u haproxy\`."
fi
printf '%s\n' "$certificates" >"$applied_file"
rm -f "$candidate"
