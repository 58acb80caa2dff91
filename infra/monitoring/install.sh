#!/usr/bin/env bash
# Installs packages of Debian whose services have the same names, and prevents them from starting with Debian's own settings.
# Arguments: the packages.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

missing=()
for package in "$@"; do
  [[ -n $(installed_version "$package") ]] || missing+=("$package")
done
if ((${#missing[@]} > 0)); then
  # Like `systemctl mask`, which would warn that the units do not exist yet.
  for package in "${missing[@]}"; do ln -sfn /dev/null "/etc/systemd/system/$package.service"; done
  systemctl daemon-reload
  apt_get update
  apt_get install --no-install-recommends "${missing[@]}"
fi
for package in "$@"; do systemctl unmask --quiet "$package.service"; done
install -d -m 0750 -o root -g prometheus /etc/prometheus/secrets
touch "$state_directory/monitoring"
