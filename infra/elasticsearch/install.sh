#!/usr/bin/env bash
# Installs Elasticsearch with its data on the data volume. A node with another version keeps it: roll.sh replaces it, one node
# at a time.
# Input (JSON): {"version", "volumeId", "volumeGb", "dataDirectory", "keyUrl", "keyFingerprint", "keyring", "files": […]}
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

input=$(cat)
version=$(json_field version <<<"$input")
volume_id=$(json_field volumeId <<<"$input")
volume_gb=$(json_field volumeGb <<<"$input")
data_directory=$(json_field dataDirectory <<<"$input")
key_url=$(json_field keyUrl <<<"$input")
key_fingerprint=$(json_field keyFingerprint <<<"$input")
keyring=$(json_field keyring <<<"$input")

# fingerprints FILE: prints the fingerprint of each primary key in it.
fingerprints() {
  gpg --batch --show-keys --with-colons "$1" 2>/dev/null |
    awk -F: '$1 == "pub" { primary = 1 } $1 == "fpr" && primary { print $10; primary = 0 }'
}

install_signing_key() {
  if ! command -v gpg >/dev/null || ! command -v curl >/dev/null; then
    apt_get update
    apt_get install --no-install-recommends gpg curl ca-certificates
  fi
  if [[ -f $keyring && $(fingerprints "$keyring") == "$key_fingerprint" ]]; then
    return
  fi
  local download
  download=$(mktemp)
  curl --fail --silent --show-error --location --max-time 60 --retry 3 --retry-connrefused --output "$download" "$key_url" ||
    fail "could not fetch the signing key of the Elasticsearch packages from ${key_url}"
  local found
  found=$(fingerprints "$download")
  [[ $found == "$key_fingerprint" ]] ||
    fail "the key at ${key_url} has the fingerprint ${found:-(none)}, not the pinned ${key_fingerprint}: it is not used"
  install -m 0644 "$download" "$keyring"
  rm "$download"
}

install_signing_key
install_files <<<"$input" >/dev/null
systemctl daemon-reload
"$provisioning/instances/data-volume.sh" "$volume_id" "$data_directory" "$volume_gb"

if [[ -z $(installed_version elasticsearch) ]]; then
  # Only this source's lists: every other package that it depends on is installed already.
  apt_get update -o Dir::Etc::sourcelist=sources.list.d/elasticsearch.sources -o Dir::Etc::sourceparts=- \
    -o APT::Get::List-Cleanup=false
  apt_get install "elasticsearch=${version}"
fi
apt-mark hold elasticsearch >/dev/null
chown elasticsearch:elasticsearch "$data_directory"
chmod 2750 "$data_directory"
