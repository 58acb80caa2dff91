#!/usr/bin/env bash
# Stops what the monitoring has installed on this host, once it is configured no more, and removes its secrets.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/common.sh"

readonly marker=$state_directory/monitoring
[[ -e $marker ]] || exit 0

for service in prometheus prometheus-alertmanager prometheus-node-exporter prometheus-elasticsearch-exporter; do
  if [[ -n $(installed_version "$service") ]]; then systemctl disable --quiet --now "$service"; fi
done
rm -rf /etc/prometheus/secrets /etc/prometheus/es-failover.key /etc/prometheus/elasticsearch-exporter.env
rm -f "$state_directory"/prometheus*-applied "$marker"
