#!/usr/bin/env bash
# Mounts a data volume permanently. An empty one gets a file system first; one that holds anything is never formatted.
# Arguments: ID of the volume, mount point.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

volume_id=$1
mount_point=$2

# The disk's serial number is the volume's id, truncated to 20 characters by virtio.
device=/dev/disk/by-id/virtio-${volume_id:0:20}
wait_until 120 "the data volume's device ${device}" \
  "Is volume ${volume_id} attached to this instance? See \`ls -l /dev/disk/by-id\` and the OVHcloud console." \
  test -b "$device"

probe=0
blkid --probe "$device" >/dev/null || probe=$?
case $probe in
  0) ;;
  2) # blkid found no signature on the device.
    say "formatting the empty volume ${volume_id}"
    mkfs.ext4 -q -L es-data "$device"
    ;;
  *) fail "cannot tell what volume ${volume_id} (${device}) holds: \`blkid --probe\` exited with ${probe}. Nothing was changed." ;;
esac
uuid=$(blkid --probe --match-tag UUID --output value "$device")

mounted=$(findmnt --noheadings --output UUID --mountpoint "$mount_point" || true)
if [[ -n $mounted && $mounted != "$uuid" ]]; then
  fail "${mount_point} has file system ${mounted} mounted instead of ${uuid}: stop what uses it and unmount it."
fi

line="UUID=${uuid} ${mount_point} ext4 noatime,nofail 0 2"
if ! grep -qxF "$line" /etc/fstab; then
  { grep -vF " ${mount_point} " /etc/fstab || true; printf '%s\n' "$line"; } >/etc/fstab.new
  mv /etc/fstab.new /etc/fstab
  systemctl daemon-reload
fi

if [[ -z $mounted ]]; then
  ! systemctl is-active --quiet elasticsearch || fail "Elasticsearch is running without its data volume: stop it first."
  install -d "$mount_point"
  mount "$mount_point"
fi
# Grows the file system if the volume was enlarged.
resize2fs "$device" 2>/dev/null
