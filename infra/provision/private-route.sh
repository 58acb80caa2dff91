#!/usr/bin/env bash
# Decides what the private interface's DHCP service may do with the default route. It always offers the network's gateway. A host
# with a public address refuses it, or answers of that address would leave by it, SSH's among them. A host without one has no other
# way to the internet.
# Arguments: the host's private address, and the gateway that it uses, or nothing where it has a public address.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/common.sh"

private_ip=$1
gateway=${2:-}
# Elsewhere in tests alone.
networks=${NETWORK_DIRECTORY:-/etc/systemd/network}
seconds=${PRIVATE_ROUTE_SECONDS:-60}

interface=$(interface_of "$private_ip")
[[ -n $interface ]] || fail "no interface has the private address ${private_ip}"

# For good, where systemd-networkd runs the interface, by netplan or by itself.
network_file=
if systemctl is-active --quiet systemd-networkd; then
  network_file=$(networkctl status "$interface" 2>/dev/null | sed -n 's/^ *Network File: *//p' || true)
fi
if [[ $network_file == /* ]]; then
  drop_in=$networks/$(basename "$network_file").d/60-es-failover.conf
  wanted=$'# Rendered by `pulumi up`.\n[DHCPv4]\nUseGateway=no\n\n[IPv6AcceptRA]\nUseGateway=no'
  [[ -z $gateway ]] || wanted=
  if [[ $(cat "$drop_in" 2>/dev/null) != "$wanted" ]]; then
    if [[ -n $wanted ]]; then
      install -d "$(dirname "$drop_in")"
      printf '%s\n' "$wanted" >"$drop_in"
    else
      rm "$drop_in"
    fi
    networkctl reload
    networkctl reconfigure "$interface"
  fi
fi

if [[ -n $gateway ]]; then
  has_route() { ip -4 route show default dev "$interface" | grep -qE "via ${gateway//./\\.}( |$)"; }
  wait_until "$seconds" "a default route by the gateway ${gateway} on ${interface}" \
    "DHCP offers it: check \`networkctl status ${interface}\`, and the subnet's gateway in OVHcloud's console." has_route
  exit
fi

# And the one that is there now.
while [[ -n $(ip -4 route show default dev "$interface") ]]; do
  say "removing the default route by ${interface}, the private interface"
  ip -4 route del default dev "$interface"
done
