#!/usr/bin/env bash
# Installs HAProxy, with a directory for the routing ticket. Its owner, the user es-failover, exists already.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

readonly directory=/var/lib/es-failover/haproxy
readonly ticket_map=$directory/ticket.map

if [[ -z $(installed_version haproxy) ]]; then
  apt_get update
  apt_get install --no-install-recommends haproxy
fi
apt-mark hold haproxy >/dev/null
# The file will hold the health check's password. Its replacements keep its permissions.
chmod 0600 /etc/haproxy/haproxy.cfg

install -d -m 0750 -o es-failover -g es-failover "$directory"
# Without a ticket HAProxy starts closed, until the watchdog knows which region is active. An existing one is the
# watchdog's.
[[ -e $ticket_map ]] || install -m 0644 -o es-failover -g es-failover /dev/null "$ticket_map"
