#!/usr/bin/env bash
# Installs Debian's etcd and prevents the package from starting a cluster of its own.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

if [[ -z $(installed_version etcd-server) ]]; then
  # Like `systemctl mask`, which would warn that the unit does not exist yet.
  ln -sfn /dev/null /etc/systemd/system/etcd.service
  systemctl daemon-reload
  apt_get update
  apt_get install --no-install-recommends etcd-server etcd-client
fi
apt-mark hold etcd-server etcd-client >/dev/null
systemctl unmask --quiet etcd.service
install -d -m 0750 -o root -g etcd /etc/etcd
