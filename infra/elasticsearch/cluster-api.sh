# shellcheck shell=bash
# Calls the node's own cluster as the user elastic. Sourced after `input` was read: {"url", "elasticPassword", …}; who knows the
# password already has it in `elastic_password`.

cluster_url=$(json_field url <<<"$input")
elastic_password=${elastic_password:-$(json_field elasticPassword <<<"$input")}
readonly cluster_url elastic_password
readonly ca_file=/etc/elasticsearch/certs/ca.crt

# api METHOD PATH: prints the response's body; fails on a status of 400 or above. With BODY=yes it sends standard input. The
# password goes through a file descriptor, because every user of the host can see arguments.
api() {
  local method=$1 path=$2
  local -a body=()
  [[ ${BODY:-no} == no ]] || body=(--header 'content-type: application/json' --data-binary @-)
  curl --silent --show-error --fail-with-body --max-time 60 --cacert "$ca_file" --request "$method" \
    --config <(printf 'user = "elastic:%s"\n' "$elastic_password") "${body[@]}" "${cluster_url}${path}"
}

# api_put PATH: sends standard input.
api_put() { BODY=yes api PUT "$1"; }

# Nodes that run read a changed keystore without a restart, as far as its settings permit.
reload_secure_settings() {
  local answer
  answer=$(api POST '/_nodes/reload_secure_settings') || fail "the nodes' keystores were not read again: ${answer}"
  python3 -c '
import json, sys
refusals = [
    node["name"] + ": " + node["reload_exception"]["reason"]
    for node in json.load(sys.stdin)["nodes"].values() if "reload_exception" in node
]
print("\n".join(refusals), file=sys.stderr, end="")
sys.exit(1 if refusals else 0)' <<<"$answer" || fail "a node did not take up its keystore; the reason is above"
}
