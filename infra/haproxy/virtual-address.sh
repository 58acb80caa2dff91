#!/usr/bin/env bash
# Lets keepalived hold the region's virtual address on one of its HAProxy hosts, and checks that it is reached from here.
# Input (JSON): {"privateIp", "virtualAddress", "peers": "address address …", "port": of the entry, "files": […]}; the
# interface's name, which only the host knows, takes the place of @INTERFACE@ in the files.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
private_ip=$(json_field privateIp <<<"$input")
virtual_address=$(json_field virtualAddress <<<"$input")
port=$(json_field port <<<"$input")
read -ra peers <<<"$(json_field peers <<<"$input")"
# Elsewhere in tests alone.
readonly patience=${VIRTUAL_ADDRESS_SECONDS:-60}

if [[ -z $(installed_version keepalived) ]]; then
  apt_get update
  apt_get install --no-install-recommends keepalived
fi
getent passwd keepalived_script >/dev/null ||
  useradd --system --user-group --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin keepalived_script

interface=$(interface_of "$private_ip")
[[ -n $interface ]] || fail "no interface has the private address ${private_ip}"
touch "$state_directory/virtual-address"
changed=$(install_files <<<"${input//@INTERFACE@/$interface}")
keepalived --config-test >&2 || fail "keepalived refuses its configuration; the reason is above"

systemctl daemon-reload
systemctl enable --quiet keepalived
if ! systemctl is-active --quiet keepalived; then
  systemctl restart keepalived || fail "keepalived did not start. See \`journalctl -u keepalived\`."
elif [[ -n $changed ]]; then
  systemctl reload keepalived || fail "keepalived did not load its configuration. See \`journalctl -u keepalived\`."
fi

is_held() { ip -4 -oneline address show | grep -qF " ${virtual_address}/"; }
answers() { timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$port" 2>/dev/null; }
is_reached() { is_held || answers "$virtual_address"; }
answers_itself() {
  local peer
  for peer in "${peers[@]}"; do ! answers "$peer" || return 0; done
  return 1
}

deadline=$((SECONDS + patience))
until is_reached; do
  if ((SECONDS >= deadline)); then
    answers_itself || fail "no HAProxy host of the region holds ${virtual_address}, and none of ${peers[*]} answers: see \`journalctl -u keepalived\`."
    fail "${virtual_address} does not answer from here, although ${peers[*]} is reached: the cloud drops packets of an address that it has" \
      "not assigned. Allow it on the private port of each HAProxy host (docs/applications.md, One address for a region), and run" \
      "\`pulumi up\` again."
  fi
  sleep 1
done
