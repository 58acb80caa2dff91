#!/usr/bin/env bash
# Writes the node's certificate and key, and creates its keystore. The package's own keystore holds passwords of keys that the
# package generates for itself; the new one replaces it and holds what the input names only.
# Input (JSON): {"keystore": {setting: value, …}, "files": […]}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
# Elsewhere in tests alone.
readonly keystore=${KEYSTORE_FILE:-/etc/elasticsearch/elasticsearch.keystore}
readonly keystore_tool=${KEYSTORE_TOOL:-/usr/share/elasticsearch/bin/elasticsearch-keystore}

install_files <<<"$input" >/dev/null

# entries PART: "keys" or "values" of the keystore, one per line, in one order.
entries() {
  python3 -c '
import json, sys
entries = sorted(json.load(sys.stdin)["keystore"].items())
print("\n".join(entry[sys.argv[1] == "values"] for entry in entries))' "$1" <<<"$input"
}

wanted=$({ entries keys && entries values; } | sha256sum)
applied=$(cat "$state_directory/keystore" 2>/dev/null || true)
if [[ ! -f $keystore || $wanted != "$applied" ]]; then
  mapfile -t names < <(entries keys)
  rm -f "$state_directory/keystore" "$keystore"
  "$keystore_tool" create >/dev/null
  entries values | "$keystore_tool" add --stdin "${names[@]}" >/dev/null
  chown root:elasticsearch "$keystore"
  chmod 0660 "$keystore"
  (umask 077 && printf '%s\n' "$wanted" >"$state_directory/keystore")
fi
