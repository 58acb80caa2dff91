#!/usr/bin/env bash
# Installs a release of the watchdog beside the previous ones and makes it the current one. An upgrade changes one symbolic
# link, and so does a rollback.
# Arguments: version, archive, SHA-256 of the archive.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

version=$1
archive=$2
sha256=$3
readonly base=/opt/es-failover
readonly releases=$base/releases
readonly kept_releases=3

if [[ ! -d $releases/$version ]]; then
  [[ -f $archive ]] || fail "${archive} is missing: it was not uploaded"
  printf '%s  %s\n' "$sha256" "$archive" | sha256sum --check --status ||
    fail "${archive} differs from what was uploaded: its SHA-256 is not ${sha256}"
  scratch=$releases/.unpacking
  rm -rf "$scratch"
  install -d -m 0755 "$scratch"
  tar --extract --gzip --no-same-owner --file "$archive" --directory "$scratch"
  chown -R root:root "$scratch"
  mv "$scratch" "$releases/$version"
fi
rm -f "$archive"
touch "$releases/$version"

ln -sfn "releases/$version" "$base/current.new"
mv -T "$base/current.new" "$base/current"

install -m 0644 "$base/current/es-failover.service" /etc/systemd/system/es-failover.service
# Not enabled: for operators who also publish endpoints from this host.
install -m 0644 "$base/current/es-failover-publisher@.service" /etc/systemd/system/es-failover-publisher@.service
systemctl daemon-reload
cat >/usr/local/bin/es-failover.new <<'COMMAND'
#!/bin/sh
exec /opt/es-failover/current/node /opt/es-failover/current/es-failover.mjs "$@"
COMMAND
chmod 0755 /usr/local/bin/es-failover.new
mv /usr/local/bin/es-failover.new /usr/local/bin/es-failover

# Keeps the newest releases for a rollback: `ln -sfn` to one of them and a restart.
find "$releases" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn | cut -d' ' -f2- |
  tail -n "+$((kept_releases + 1))" | xargs -r -d '\n' rm -rf
