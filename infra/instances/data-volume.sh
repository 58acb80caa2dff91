#!/usr/bin/env bash
# Mounts a data volume, for good. An empty one gets a file system first; one that holds anything is never formatted.
# Arguments: ID of the volume, where to mount it.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

volume_id=$1
mount_point=$2

# The disk's serial number is the volume's id, of which virtio carries 20 characters.
device=/dev/disk/by-id/virtio-${volume_id:0:20}
wait_until 120 "the data volume's device ${device}" \
  "Is volume ${volume_id} attached to this instance? See \`ls -l /dev/disk/by-id\` and the OVHcloud console." \
  test -b "$device"

probe=0
blkid --probe "$device" >/dev/null || probe=$?
case $probe in
  0) ;;
  2) # Nothing at all was recognised on it.
    say "formatting the empty volume ${volume_id}"
    mkfs.ext4 -q -L es-data "$device"
    ;;
  *) fail "cannot tell what volume ${volume_id} (${device}) holds: \`blkid --probe\` ended with ${probe}. It is left as it is." ;;
esac
uuid=$(blkid --probe --match-tag UUID --output value "$device")

mounted=$(findmnt --noheadings --output UUID --mountpoint "$mount_point" || true)
if [[ -n $mounted && $mounted != "$uuid" ]]; then
  fail "${mount_point} is on another volume (${mounted}) than the wanted one (${uuid}): stop what uses it and unmount it."
fi

line="UUID=${uuid} ${mount_point} ext4 noatime,nofail 0 2"
if ! grep -qxF "$line" /etc/fstab; then
  { grep -vF " ${mount_point} " /etc/fstab || true; printf '%s\n' "$line"; } >/etc/fstab.new
  mv /etc/fstab.new /etc/fstab
  systemctl daemon-reload
fi

if [[ -z $mounted ]]; then
  ! systemctl is-active --quiet elasticsearch || fail "Elasticsearch runs without its data volume: stop it first."
  install -d "$mount_point"
  mount "$mount_point"
fi
# The volume may have been enlarged; otherwise this does nothing.
resize2fs "$device" 2>/dev/null
