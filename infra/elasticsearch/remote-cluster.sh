#!/usr/bin/env bash
# Has the nodes take up the API key of the other region's cluster, and adapts what its keys open in this one.
# Input (JSON): {"url", "elasticPassword", "remote": the other region, "hasKey": "yes" or "no", "givenKeys": name of the keys that
# the other region follows by, "access": what they open, "key": for its changes alone}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
# shellcheck source=infra/elasticsearch/cluster-api.sh
. "$(dirname "$0")/cluster-api.sh"
remote=$(json_field remote <<<"$input")
has_key=$(json_field hasKey <<<"$input")
given_keys=$(json_field givenKeys <<<"$input")
# How long a connection may take that the reload has begun. Elsewhere in tests alone.
readonly connected_within=${CONNECTED_WITHIN:-20}

reload_secure_settings

access=$(python3 -c '
import json, sys
print(json.dumps({"access": json.load(sys.stdin)["access"]}))' <<<"$input")
answer=$(api GET "/_security/api_key?name=${given_keys}&active_only=true") || fail "the API keys could not be read: ${answer}"
ids=$(python3 -c '
import json, sys
for key in json.load(sys.stdin)["api_keys"]: print(key["id"])' <<<"$answer")
for id in $ids; do
  answer=$(api_put "/_security/cross_cluster/api_key/${id}" <<<"$access") ||
    fail "the key ${id} of ${remote} still opens what it did before, as its change was refused: ${answer}"
done

is_connected() {
  api GET '/_remote/info' | python3 -c '
import json, sys
sys.exit(0 if json.load(sys.stdin).get(sys.argv[1], {}).get("connected") else 1)' "$remote"
}

# The other region may be down, or not have been updated: no reason to fail, and one to tell.
if [[ $has_key == yes ]]; then
  deadline=$((SECONDS + connected_within))
  until is_connected; do
    if ((SECONDS >= deadline)); then
      say "not connected to ${remote}. If ${remote} is up and was rebuilt since its key was made, run \`npm run remote-keys -- begin\`."
      break
    fi
    sleep 1
  done
fi
