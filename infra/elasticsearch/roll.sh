#!/usr/bin/env bash
# Brings a running node to what is configured, when it is the node's turn: waits until every node is there and the
# cluster is green, restarts the node if it runs with anything older, and waits for green again.
# Input (JSON): {"name", "desired", "version", "nodes": planned number, "greenWithinSeconds", "url", "elasticPassword"}
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

# One node alone has nowhere to put copies: yellow is its best.
is_well() {
  api GET '/_cluster/health?master_timeout=5s' 2>/dev/null | python3 -c '
import json, sys
health, nodes = json.load(sys.stdin), int(sys.argv[1])
well = health["status"] == "green" or (nodes == 1 and health["status"] == "yellow")
sys.exit(0 if well and health["number_of_nodes"] >= nodes else 1)' "$nodes" 2>/dev/null
}

wait_until_well() {
  local deadline=$((SECONDS + green_within))
  until is_well; do
    if ((SECONDS >= deadline)); then
      say "waited ${green_within} s in vain for the cluster to be green with ${nodes} nodes ($1). Its health:"
      api GET '/_cluster/health?pretty&master_timeout=5s' >&2 || true
      fail "See \`GET /_cluster/allocation/explain\`, \`GET /_cat/nodes\` and the logs in /var/log/elasticsearch."
    fi
    sleep 1
  done
}

set_allocation() {
  api_put '/_cluster/settings' <<<"{\"persistent\": {\"cluster.routing.allocation.enable\": $1}}" >/dev/null
}

allocation_is_free() { set_allocation null 2>/dev/null; }

has_current_version() { [[ $(installed_version elasticsearch) == "$version" ]]; }

restart_node() {
  # While a node is away for a moment, its copies are not made anew elsewhere.
  set_allocation '"primaries"'
  trap 'set_allocation null || say "cluster.routing.allocation.enable is still \"primaries\": set it back to null"' EXIT
  api POST '/_flush' >/dev/null || say "the flush before the restart failed; recovery takes longer"
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
  fi || fail "Elasticsearch did not come back. See \`journalctl -u elasticsearch\` and /var/log/elasticsearch."
  wait_until 300 "the node to answer after its restart" "See \`journalctl -u elasticsearch\`." allocation_is_free
  trap - EXIT
  printf '%s\n' "$desired" >"$applied_file"
}

wait_until_well "before this node's turn"
sed -i '/^cluster\.initial_master_nodes:/d' "$config"
if [[ $(cat "$applied_file" 2>/dev/null) != "$desired" ]] || ! has_current_version; then
  say "restarting Elasticsearch: its configuration, certificate, heap or version has changed"
  restart_node
  wait_until_well "after this node's restart"
fi
