#!/usr/bin/env bash
# Installs HAProxy, and the user and group es-failover to whom its sockets and the routing ticket belong.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

readonly home=/var/lib/es-failover
readonly ticket_map=$home/haproxy/ticket.map

if [[ -z $(installed_version haproxy) ]]; then
  apt_get update
  apt_get install --no-install-recommends haproxy
fi
# The file will hold the health check's password; what replaces it takes over its permissions.
chmod 0600 /etc/haproxy/haproxy.cfg

getent group es-failover >/dev/null || groupadd --system es-failover
getent passwd es-failover >/dev/null ||
  useradd --system --gid es-failover --home-dir "$home" --no-create-home --shell /usr/sbin/nologin es-failover

install -d -m 0750 -o es-failover -g es-failover "$home" "$home/haproxy" "$home/state"
install -d -m 0750 -o root -g es-failover /etc/es-failover /etc/es-failover/secrets
# No ticket: HAProxy starts closed, until the watchdog knows who is active. One that is there is the watchdog's.
[[ -e $ticket_map ]] || install -m 0644 -o es-failover -g es-failover /dev/null "$ticket_map"
