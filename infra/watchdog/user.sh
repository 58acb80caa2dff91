#!/usr/bin/env bash
# Creates the user and group es-failover, as which the watchdog runs, and their directories.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

readonly home=/var/lib/es-failover

getent group es-failover >/dev/null || groupadd --system es-failover
getent passwd es-failover >/dev/null ||
  useradd --system --gid es-failover --home-dir "$home" --no-create-home --shell /usr/sbin/nologin es-failover

install -d -m 0750 -o es-failover -g es-failover "$home" "$home/state"
install -d -m 0750 -o root -g es-failover /etc/es-failover /etc/es-failover/secrets /etc/es-failover/notifications
