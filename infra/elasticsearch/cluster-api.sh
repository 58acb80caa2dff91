# shellcheck shell=bash
# Calls the node's own cluster as the user elastic. Sourced after `input` was read: {"url", "elasticPassword", …}

cluster_url=$(json_field url <<<"$input")
elastic_password=$(json_field elasticPassword <<<"$input")
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
