#!/usr/bin/env bash
# Registers the repositories of the region's snapshots and the policy that takes them. Every node has the keys already.
# Input (JSON): {"url", "elasticPassword", "repositories": {name: body}, "policyId", "policy": body}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
# shellcheck source=infra/elasticsearch/cluster-api.sh
. "$(dirname "$0")/cluster-api.sh"
policy_id=$(json_field policyId <<<"$input")

reload_secure_settings

# One line per repository: name, tab, body.
repository_lines() {
  python3 -c '
import json, sys
for name, body in json.load(sys.stdin)["repositories"].items():
    print(name + "\t" + json.dumps(body))' <<<"$input"
}

# Elasticsearch has every node write to the bucket, and read what the others wrote, before it accepts a repository.
while IFS=$'\t' read -r name body; do
  answer=$(api_put "/_snapshot/${name}" <<<"$body") ||
    fail "the repository ${name} was refused: ${answer} Check bucket, endpoint, region and keys of es-failover:snapshots."
done < <(repository_lines)

answer=$(python3 -c 'import json, sys; json.dump(json.load(sys.stdin)["policy"], sys.stdout)' <<<"$input" |
  api_put "/_slm/policy/${policy_id}") || fail "the snapshot policy ${policy_id} was refused: ${answer}"

# The first one at once: the next of the schedule may be a day away, and nothing is known to work until then.
has_succeeded() {
  api GET "/_slm/policy/${policy_id}" | python3 -c '
import json, sys
sys.exit(0 if "last_success" in json.load(sys.stdin)[sys.argv[1]] else 1)' "$policy_id"
}
has_succeeded || answer=$(api POST "/_slm/policy/${policy_id}/_execute") ||
  say "the first snapshot did not start: ${answer}"
