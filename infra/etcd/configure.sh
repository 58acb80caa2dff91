#!/usr/bin/env bash
# Writes the member's files and starts etcd, without waiting: the members at the other sites may not exist yet.
# Input (JSON): {"desired", "files": […], "founding": "allowed" or "refused"}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
desired=$(json_field desired <<<"$input")
founding=$(json_field founding <<<"$input")
readonly applied_file=$state_directory/etcd-applied
readonly permitted_file=$state_directory/etcd-permitted

install_files <<<"$input" >/dev/null
# Given once to a machine, and removed once its member votes: a member that loses its data later may found nothing.
if [[ $founding == allowed && ! -e $permitted_file ]]; then
  touch /etc/etcd/found-new-cluster
  touch "$permitted_file"
fi
systemctl daemon-reload
systemctl enable --quiet etcd

if [[ $(cat "$applied_file" 2>/dev/null) != "$desired" ]] || ! systemctl is-active --quiet etcd; then
  systemctl restart --no-block etcd
  printf '%s\n' "$desired" >"$applied_file"
fi
# Applies what is not part of etcd's own start, such as changed passwords.
systemctl restart --no-block es-failover-etcd
