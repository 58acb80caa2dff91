#!/usr/bin/env bash
# Keeps the private interface from becoming a way to the internet. OVHcloud's DHCP service may offer a gateway there, which
# leads nowhere: answers of the public address would leave by it, SSH's among them.
# Argument: the host's private address.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/common.sh"

private_ip=$1
# Elsewhere in tests alone.
networks=${NETWORK_DIRECTORY:-/etc/systemd/network}

interface=$(interface_of "$private_ip")
[[ -n $interface ]] || fail "no interface has the private address ${private_ip}"

# Refused for good, where systemd-networkd runs the interface, by netplan or by itself.
network_file=
if systemctl is-active --quiet systemd-networkd; then
  network_file=$(networkctl status "$interface" 2>/dev/null | sed -n 's/^ *Network File: *//p' || true)
fi
if [[ $network_file == /* ]]; then
  drop_in=$networks/$(basename "$network_file").d/60-es-failover.conf
  wanted=$'# Rendered by `pulumi up`.\n[DHCPv4]\nUseGateway=no\n\n[IPv6AcceptRA]\nUseGateway=no'
  if [[ $(cat "$drop_in" 2>/dev/null) != "$wanted" ]]; then
    install -d "$(dirname "$drop_in")"
    printf '%s\n' "$wanted" >"$drop_in"
    networkctl reload
    networkctl reconfigure "$interface"
  fi
fi

# And the one that is there now.
while [[ -n $(ip -4 route show default dev "$interface") ]]; do
  say "removing the default route by ${interface}, the private interface"
  ip -4 route del default dev "$interface"
done
