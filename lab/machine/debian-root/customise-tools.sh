#!/bin/sh
# Adds syslog-ng to the root of the tools. Debian installs one system logger at a time, which is rsyslog there; tests only
# run the programs, so that unpacking is enough.
# mmdebstrap calls it with the root directory as its argument.
set -eu
root=$1
archives=$root/var/cache/apt/archives
rm -f "$archives"/*.deb

APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --quiet --yes --download-only --no-install-recommends install \
  syslog-ng-core syslog-ng-mod-http
for package in "$archives"/*.deb; do dpkg-deb --extract "$package" "$root"; done
rm -f "$archives"/*.deb
