#!/usr/bin/env bash
# Writes the node's certificate and key, and creates its keystore. The package's own keystore holds passwords of keys that the
# package generates for itself; the new one replaces it and holds the bootstrap password only.
# Input (JSON): {"bootstrapPassword", "files": […]}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
readonly keystore=/etc/elasticsearch/elasticsearch.keystore
readonly keystore_tool=/usr/share/elasticsearch/bin/elasticsearch-keystore

install_files <<<"$input" >/dev/null

wanted=$(json_field bootstrapPassword <<<"$input" | sha256sum)
applied=$(cat "$state_directory/keystore" 2>/dev/null || true)
if [[ ! -f $keystore || $wanted != "$applied" ]]; then
  rm -f "$state_directory/keystore" "$keystore"
  "$keystore_tool" create >/dev/null
  json_field bootstrapPassword <<<"$input" | tr -d '\n' | "$keystore_tool" add --stdin bootstrap.password >/dev/null
  chown root:elasticsearch "$keystore"
  chmod 0660 "$keystore"
  (umask 077 && printf '%s\n' "$wanted" >"$state_directory/keystore")
fi
