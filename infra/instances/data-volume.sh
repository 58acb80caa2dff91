#!/usr/bin/env bash
# Mounts a data volume permanently. An empty one gets a file system first; one that holds anything is never formatted.
# Arguments: ID of the volume, mount point, size of the volume in GB.
# shellcheck source=infra/provision/common.sh
. "$(dirname "$0")/../provision/common.sh"

volume_id=$1
mount_point=$2
size_gb=$3

# The disk's serial number is the volume's id. virtio-blk truncates it to 20 characters; virtio-scsi does not.
readonly names=("virtio-${volume_id:0:20}" "scsi-0QEMU_QEMU_HARDDISK_${volume_id}")
find_device() {
  local name
  for name in "${names[@]}"; do
    device=/dev/disk/by-id/$name
    [[ ! -b $device ]] || return 0
  done
  return 1
}
wait_until 120 "the data volume's device ${names[0]} or ${names[1]}" \
  "Is volume ${volume_id} attached to this instance? See \`ls -l /dev/disk/by-id\` and the OVHcloud console." \
  find_device

# OVHcloud counts in GiB. The guest sees the growth of an attached volume a moment after the API has answered.
has_size() { (($(blockdev --getsize64 "$device") >= size_gb * 1024 ** 3)); }
wait_until 120 "${size_gb} GB of the data volume's device ${device}" \
  "It has $(blockdev --getsize64 "$device") bytes: see volume ${volume_id} in the OVHcloud console." \
  has_size

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
