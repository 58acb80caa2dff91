#!/usr/bin/env bash
# Stops keepalived, which gives the virtual address up, once none is configured any more.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

readonly marker=$state_directory/virtual-address
[[ -e $marker ]] || exit 0

systemctl disable --quiet --now keepalived
rm -rf /etc/keepalived/keepalived.conf /etc/keepalived/check-router /etc/systemd/system/keepalived.service.d "$marker"
systemctl daemon-reload
