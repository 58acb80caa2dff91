#!/usr/bin/env bash
# Prepares a host that has just booted for the other scripts.
# Input (JSON): {"privateIp", "gateway": by which it reaches the internet, or "" where it has a public address, "aptProxy": URL or
# "", "onlyKey": public key that alone may log in, or "", "monitoring": "on" or "off", and those of settings.sh}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/common.sh"

install -d -m 0755 "$state_directory"

input=$(cat)
private_ip=$(json_field privateIp <<<"$input")
gateway=$(json_field gateway <<<"$input")
apt_proxy=$(json_field aptProxy <<<"$input")
only_key=$(json_field onlyKey <<<"$input")
monitoring=$(json_field monitoring <<<"$input")

has_private_address() { ip -4 -oneline address show | grep -qF " ${private_ip}/"; }
wait_until 120 "the private address ${private_ip}" \
  "Check \`ip address\` and the instance's network interfaces: is it attached to the private network?" \
  has_private_address
# Before anything takes long, or needs the internet.
"$provisioning/provision/private-route.sh" "$private_ip" "$gateway"
[[ -z $only_key ]] || "$provisioning/provision/authorized-keys.sh" "$SUDO_USER" "$only_key"

# The image's own set-up may still be running. Provisioning must not race with it.
if command -v cloud-init >/dev/null; then
  timeout 300 cloud-init status --wait >&2 || say "cloud-init has failed: see \`cloud-init status --long\`"
fi

if [[ -n $apt_proxy ]]; then
  printf 'Acquire::http::Proxy "%s";\n' "$apt_proxy" >/etc/apt/apt.conf.d/30es-failover-proxy
else
  rm -f /etc/apt/apt.conf.d/30es-failover-proxy
fi

"$provisioning/provision/settings.sh" <<<"$input"
[[ $monitoring == on ]] || "$provisioning/provision/monitoring-off.sh"
