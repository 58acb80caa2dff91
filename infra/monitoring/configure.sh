#!/usr/bin/env bash
# Writes the files of the monitoring, and restarts the services of which something has changed. Settings that Prometheus or
# Alertmanager would refuse do not take effect.
# Input (JSON): {"services": {name: hash of what it runs with}, "files": […]}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
services=$(python3 -c 'import json, sys; print(*map(" ".join, json.load(sys.stdin)["services"].items()), sep="\n")' <<<"$input")

install_files <<<"$input" >/dev/null
if [[ -e /etc/prometheus/rules ]]; then
  promtool check config --lint=none /etc/prometheus/prometheus.yml >&2 || fail "Prometheus refuses its settings; the reason is above"
  amtool check-config /etc/prometheus/alertmanager.yml >&2 || fail "Alertmanager refuses its settings; the reason is above"
fi
systemctl daemon-reload

while read -r service desired; do
  applied_file=$state_directory/$service-applied
  systemctl enable --quiet "$service"
  if [[ $(cat "$applied_file" 2>/dev/null) != "$desired" ]] || ! systemctl is-active --quiet "$service"; then
    if ! systemctl restart "$service"; then
      journalctl --unit "$service" --lines 10 --no-pager --output cat >&2 || true
      fail "${service} did not start. See \`journalctl -u ${service}\`."
    fi
    printf '%s\n' "$desired" >"$applied_file"
  fi
done <<<"$services"
