#!/usr/bin/env bash
# Sets what a host's software asks of the kernel, the clock and package upgrades. What is in effect then is check-host.py's.
# Input (JSON): {"kernelKeys": "key key …", "fixed": "name name …", "securityUpgrades": "automatic" or "none", "files": […], …}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/common.sh"

input=$(cat)
read -ra keys <<<"$(json_field kernelKeys <<<"$input")"
fixed=$(json_field fixed <<<"$input")
upgrades=$(json_field securityUpgrades <<<"$input")
# Elsewhere in tests alone.
systemd_sysctl=${SYSTEMD_SYSCTL:-/usr/lib/systemd/systemd-sysctl}
readonly time_services=(systemd-timesyncd chrony ntpsec ntp openntpd)

changed=$(install_files <<<"$input")

# With all files of sysctl.d in their order: a later one of an administrator's still decides.
if ((${#keys[@]} > 0)); then
  "$systemd_sysctl" "${keys[@]/#/--prefix=}" 2>/dev/null || true
fi

keeps_time() {
  local service
  for service in "${time_services[@]}"; do
    ! systemctl is-active --quiet "$service" || return 0
  done
  return 1
}
packages=()
[[ " $fixed " == *" clock "* ]] || keeps_time || packages+=(chrony)
[[ $upgrades != automatic || -n $(installed_version unattended-upgrades) ]] || packages+=(unattended-upgrades)
if ((${#packages[@]} > 0)); then
  apt_get update
  apt_get install --no-install-recommends "${packages[@]}"
fi

if [[ $changed == *apt-daily-upgrade.timer* ]]; then
  systemctl daemon-reload
  # Masked where nothing is to be upgraded by itself.
  systemctl try-restart apt-daily-upgrade.timer 2>/dev/null || true
fi
