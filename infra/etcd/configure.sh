#!/usr/bin/env bash
# Writes the member's files and starts etcd, without waiting: the members at the other sites may not exist yet.
# Arguments: `founding` at the first provisioning of a host in this place.
# Input (JSON): {"desired", "files": […]}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
desired=$(json_field desired <<<"$input")
readonly applied_file=$state_directory/etcd-applied

install_files <<<"$input" >/dev/null
# Removed once the member votes.
[[ ${1:-} != founding ]] || touch /etc/etcd/found-new-cluster
systemctl daemon-reload
systemctl enable --quiet etcd

if [[ $(cat "$applied_file" 2>/dev/null) != "$desired" ]] || ! systemctl is-active --quiet etcd; then
  systemctl restart --no-block etcd
  printf '%s\n' "$desired" >"$applied_file"
fi
# Applies what is not part of etcd's own start, such as changed passwords.
systemctl restart --no-block es-failover-etcd
