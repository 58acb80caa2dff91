#!/usr/bin/env bash
# Starts a node that does not run. All nodes of a region start in parallel, so this waits for no other node; a running node is
# left to roll.sh.
# Input (JSON): {"name", "desired", "initialMasterNodes": "name,name,…", "dataDirectory"}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
name=$(json_field name <<<"$input")
desired=$(json_field desired <<<"$input")
initial_master_nodes=$(json_field initialMasterNodes <<<"$input")
data_directory=$(json_field dataDirectory <<<"$input")
readonly config=/etc/elasticsearch/elasticsearch.yml
readonly permitted_file=$state_directory/elasticsearch-permitted

if systemctl is-active --quiet elasticsearch; then
  exit 0
fi

# Only the nodes that the region was first provisioned with form a new cluster, each machine once, and only while it holds no
# data: a node that is rebuilt later finds the existing cluster and joins it. roll.sh removes the line again.
sed -i '/^cluster\.initial_master_nodes:/d' "$config"
if [[ ,$initial_master_nodes, == *,$name,* && ! -e $data_directory/_state && ! -e $permitted_file ]]; then
  printf 'cluster.initial_master_nodes: [%s]\n' "$initial_master_nodes" >>"$config"
fi

systemctl daemon-reload
systemctl enable --quiet elasticsearch
if ! systemctl start elasticsearch; then
  journalctl --unit elasticsearch --lines 20 --no-pager --output cat >&2 || true
  fail "Elasticsearch did not start. See \`journalctl -u elasticsearch\` and /var/log/elasticsearch."
fi
touch "$permitted_file"
printf '%s\n' "$desired" >"$state_directory/elasticsearch-applied"
