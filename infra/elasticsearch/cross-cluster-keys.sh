#!/usr/bin/env bash
# Makes and ends the API keys by which the other region follows this one, and shows which one this node follows by, for
# `npm run remote-keys`. Prints a JSON document: with a secret in it when a key was made.
# Input (JSON): {"url", "action": "make", "key": {"name", "access"}}, or {…, "action": "end", "name", "keep": id of a key}, or
# {…, "action": "show", "entry": name in the keystore}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
action=$(json_field action <<<"$input")
# Elsewhere in tests alone.
readonly keystore_tool=${KEYSTORE_TOOL:-/usr/share/elasticsearch/bin/elasticsearch-keystore}
elastic_password=$("$keystore_tool" show bootstrap.password)
# shellcheck source=infra/elasticsearch/cluster-api.sh
. "$(dirname "$0")/cluster-api.sh"

make_key() {
  local answer
  answer=$(python3 -c 'import json, sys; json.dump(json.load(sys.stdin)["key"], sys.stdout)' <<<"$input" |
    BODY=yes api POST '/_security/cross_cluster/api_key') || fail "the cluster makes no API key: ${answer}"
  printf '%s\n' "$answer"
}

end_keys() {
  local name keep answer body
  name=$(json_field name <<<"$input")
  keep=$(json_field keep <<<"$input")
  answer=$(api GET "/_security/api_key?name=${name}&active_only=true") || fail "the API keys could not be read: ${answer}"
  body=$(python3 -c '
import json, sys
ids = [key["id"] for key in json.load(sys.stdin)["api_keys"]]
if sys.argv[1] not in ids:
    sys.exit("its cluster has no key %s" % sys.argv[1])
print(json.dumps({"ids": [id for id in ids if id != sys.argv[1]]}))' "$keep" <<<"$answer") ||
    fail "no key was ended: it would be the last one that works"
  if [[ $body != '{"ids": []}' ]]; then
    answer=$(BODY=yes api DELETE '/_security/api_key' <<<"$body") || fail "the keys before were not ended: ${answer}"
  fi
  printf '%s\n' "$body"
}

# The first part of an encoded key is its id, which is no secret.
show_key() {
  local entry id=
  entry=$(json_field entry <<<"$input")
  reload_secure_settings
  if "$keystore_tool" list | grep -qxF "$entry"; then
    id=$("$keystore_tool" show "$entry" | base64 --decode | cut -d: -f1)
  fi
  printf '{"id": "%s"}\n' "$id"
}

case $action in
make) make_key ;;
end) end_keys ;;
show) show_key ;;
*) fail "there is no action ${action}" ;;
esac
