#!/usr/bin/env bash
# Makes one key the only one of provisioning that logs in, after the key was replaced. Keys of administrators stay: those of
# provisioning end in its name. Arguments: user, public key as in authorized_keys.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/common.sh"

user=$1
key=$2
file=$(getent passwd "$user" | cut -d: -f6)/.ssh/authorized_keys
[[ -f $file ]] || fail "${user} has no ${file}: which key does provisioning log in with?"

wanted=$(grep -v ' es-failover$' "$file" | grep -vxF -- "$key" || true)
wanted+=${wanted:+$'\n'}$key
if [[ $wanted != "$(cat "$file")" ]]; then
  cp --preserve=all "$file" "$file.new"
  printf '%s\n' "$wanted" >"$file.new"
  mv "$file.new" "$file"
fi
