#!/usr/bin/env bash
# Empties a node of its shards, so that it can be removed without losing a copy; ends that for the node that was emptied before.
# Input (JSON): {"url", "elasticPassword", "node": its name, or "" for none, "withinSeconds"}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
node=$(json_field node <<<"$input")
within=$(json_field withinSeconds <<<"$input")
# shellcheck source=infra/elasticsearch/cluster-api.sh
. "$(dirname "$0")/cluster-api.sh"

readonly setting=cluster.routing.allocation.exclude._name
# Names that earlier runs put into the setting, in lines. Others in it are an operator's own, and stay.
readonly drained_file=$state_directory/elasticsearch-drained
before=$(cat "$drained_file" 2>/dev/null || true)

# Prints the number of shards on the node; fails where it is not in the cluster.
shards_left() {
  api GET "/_nodes/${node}/stats/indices?filter_path=nodes.*.indices.shard_stats.total_count" 2>/dev/null |
    python3 -c '
import json, sys
[found] = json.load(sys.stdin)["nodes"].values()
print(found["indices"]["shard_stats"]["total_count"])' 2>/dev/null
}

is_empty() { [[ $(shards_left) == 0 ]]; }

[[ -z $node ]] || shards_left >/dev/null ||
  fail "${node} is not in the cluster, so its shards cannot be moved: start it first. See \`GET /_cat/nodes\`."

settings=$(api GET '/_cluster/settings?flat_settings=true&filter_path=persistent') ||
  fail "the cluster's settings could not be read: ${settings}"
wanted=$(python3 -c '
import json, sys
setting, before, node = sys.argv[1:]
text = json.load(sys.stdin).get("persistent", {}).get(setting, "")
ours = ["", node, *before.split()]
names = [name for name in map(str.strip, text.split(",")) if name not in ours]
print(json.dumps({"persistent": {setting: ",".join(names + ([node] if node else [])) or None}}))' \
  "$setting" "$before" "$node" <<<"$settings")

# Noted first: a name that was put and not noted would keep shards off a later node of that name.
printf '%s\n' "$before" "$node" >"$drained_file"
answer=$(api_put '/_cluster/settings' <<<"$wanted") || fail "${setting} was refused: ${answer}"
printf '%s\n' "$node" >"$drained_file"

if [[ -n $node ]]; then
  deadline=$((SECONDS + within))
  until is_empty; do
    if ((SECONDS >= deadline)); then
      fail "${node} still has $(shards_left) shards after ${within} s. Run \`pulumi up\` again to wait longer, or see" \
        "\`GET /_cluster/allocation/explain\`: other nodes may lack room, or be in no other zone."
    fi
    sleep 2
  done
  say "${node} holds no shards any more"
fi
