#!/usr/bin/env bash
# Installs HAProxy, with a place for the routing ticket. The user es-failover, to whom it belongs, is there already.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

readonly directory=/var/lib/es-failover/haproxy
readonly ticket_map=$directory/ticket.map

if [[ -z $(installed_version haproxy) ]]; then
  apt_get update
  apt_get install --no-install-recommends haproxy
fi
# The file will hold the health check's password; what replaces it takes over its permissions.
chmod 0600 /etc/haproxy/haproxy.cfg

install -d -m 0750 -o es-failover -g es-failover "$directory"
# No ticket: HAProxy starts closed, until the watchdog knows who is active. One that is there is the watchdog's.
[[ -e $ticket_map ]] || install -m 0644 -o es-failover -g es-failover /dev/null "$ticket_map"
