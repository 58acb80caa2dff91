#!/usr/bin/env bash
# One node's turn in a rolling restart: waits until the cluster is green with all nodes, restarts the node if it runs an older
# configuration, certificate or version, and waits for green again.
# Input (JSON): {"desired", "version", "flavorId": for its changes alone, "nodes": planned number, "greenWithinSeconds", "url", "elasticPassword"}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
desired=$(json_field desired <<<"$input")
version=$(json_field version <<<"$input")
nodes=$(json_field nodes <<<"$input")
green_within=$(json_field greenWithinSeconds <<<"$input")
# shellcheck source=infra/elasticsearch/cluster-api.sh
. "$(dirname "$0")/cluster-api.sh"

readonly config=/etc/elasticsearch/elasticsearch.yml
readonly applied_file=$state_directory/elasticsearch-applied

# A single node has no other for the copies of shards, so yellow is its best.
is_healthy() {
  api GET '/_cluster/health?master_timeout=5s' 2>/dev/null | python3 -c '
import json, sys
health, nodes = json.load(sys.stdin), int(sys.argv[1])
healthy = health["status"] == "green" or (nodes == 1 and health["status"] == "yellow")
sys.exit(0 if healthy and health["number_of_nodes"] >= nodes else 1)' "$nodes" 2>/dev/null
}

wait_until_healthy() {
  local deadline=$((SECONDS + green_within))
  until is_healthy; do
    if ((SECONDS >= deadline)); then
      say "timed out after ${green_within} s waiting for a green cluster with ${nodes} nodes ($1). Its health:"
      api GET '/_cluster/health?pretty&master_timeout=5s' >&2 || true
      fail "See \`GET /_cluster/allocation/explain\`, \`GET /_cat/nodes\` and the logs in /var/log/elasticsearch."
    fi
    sleep 1
  done
}

set_allocation() {
  api_put '/_cluster/settings' <<<"{\"persistent\": {\"cluster.routing.allocation.enable\": $1}}" >/dev/null
}

enable_allocation() { set_allocation null 2>/dev/null; }

has_current_version() { [[ $(installed_version elasticsearch) == "$version" ]]; }

restart_node() {
  # Keeps Elasticsearch from copying the node's shards elsewhere while it restarts.
  set_allocation '"primaries"'
  trap 'set_allocation null || say "cluster.routing.allocation.enable is still \"primaries\": set it back to null"' EXIT
  api POST '/_flush' >/dev/null || say "the flush before the restart failed, so recovery will take longer"
  if has_current_version; then
    systemctl restart elasticsearch
  else
    say "changing Elasticsearch $(installed_version elasticsearch) to ${version}"
    apt_get update
    systemctl stop elasticsearch
    apt_get install --allow-change-held-packages --allow-downgrades "elasticsearch=${version}"
    apt-mark hold elasticsearch >/dev/null
    systemctl daemon-reload
    systemctl start elasticsearch
  fi || fail "Elasticsearch did not restart. See \`journalctl -u elasticsearch\` and /var/log/elasticsearch."
  wait_until 300 "the node to answer after its restart" "See \`journalctl -u elasticsearch\`." enable_allocation
  trap - EXIT
  printf '%s\n' "$desired" >"$applied_file"
}

wait_until_healthy "before this node's restart"
sed -i '/^cluster\.initial_master_nodes:/d' "$config"
if [[ $(cat "$applied_file" 2>/dev/null) != "$desired" ]] || ! has_current_version; then
  say "restarting Elasticsearch: its configuration, certificate, heap or version has changed"
  restart_node
  wait_until_healthy "after this node's restart"
fi
