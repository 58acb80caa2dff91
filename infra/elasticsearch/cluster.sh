#!/usr/bin/env bash
# Applies what belongs to the cluster instead of a node: roles, users, the licence.
# Input (JSON): {"url", "elasticPassword", "requests": [{"path", "body"}, …]}; a body of null deletes what is there.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
# shellcheck source=infra/elasticsearch/cluster-api.sh
. "$(dirname "$0")/cluster-api.sh"

answers() { api GET '/_security/_authenticate' >/dev/null 2>&1; }
wait_until 180 "the cluster to accept the user elastic" "See /var/log/elasticsearch on this host." answers

# One line per request: path, tab, body.
request_lines() {
  python3 -c '
import json, sys
for request in json.load(sys.stdin)["requests"]:
    print(request["path"] + "\t" + json.dumps(request["body"]))' <<<"$input"
}

while IFS=$'\t' read -r path body; do
  if [[ $body == null ]]; then
    answer=$(api DELETE "$path") || [[ $answer == *'"found":false'* ]] || fail "DELETE ${path} was refused: ${answer}"
  elif ! answer=$(api_put "$path" <<<"$body"); then
    fail "PUT ${path} was refused: ${answer}"
  fi
done < <(request_lines)
