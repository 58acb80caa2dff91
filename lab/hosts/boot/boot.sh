#!/bin/sh
# PID 1 of a lab host until systemd takes over: runs in the host's new namespaces, mounts its root file system and
# executes systemd. All mounts are in the host's own mount namespace and end with it.
#
#   boot.sh HOST-DIRECTORY ROOT
set -eu
directory=$1 root=$2
name=$(basename "$directory")
here=$directory/root
# This shell's process id in the machine's PID namespace, as /proc is still the machine's.
read -r pid _ </proc/self/stat
safe=nosuid,nodev,noexec

mount -t overlay overlay -o "lowerdir=$root,upperdir=$directory/upper,workdir=$directory/work" "$here"
cd "$here"
mount -t proc -o $safe proc proc
# Read-only, as the hardware belongs to the machine; systemd takes this as the sign of a container.
mount -t sysfs -o ro,$safe sysfs sys
mount -t cgroup2 -o $safe cgroup2 sys/fs/cgroup

mount -t tmpfs -o mode=755,nosuid,size=1m tmpfs dev
mkdir -p dev/pts dev/shm dev/mqueue dev/disk/by-id
for device in null zero full random urandom tty; do
  : >dev/$device
  mount --bind /dev/$device dev/$device
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5,nosuid,noexec devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
while read -r device number link; do
  mknod -m 660 "dev/$device" b "${number%:*}" "${number#*:}"
  ln -s "../../$device" "dev/disk/by-id/$link"
done <"$directory/devices"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
mount -t tmpfs -o mode=755,nosuid,nodev,size=256m tmpfs run

echo "$name" >proc/sys/kernel/hostname

# Of the kernel's settings only those of the network are the host's own; the rest stays read-only.
mount --bind proc/sys/net run
mount --bind proc/sys proc/sys
mount -o remount,bind,ro,$safe proc/sys
mount --bind run proc/sys/net
umount run
# A boot id of its own, so that `journalctl -b` tells boots apart.
cat /proc/sys/kernel/random/uuid >run/boot_id
mount --bind run/boot_id proc/sys/kernel/random/boot_id
[ ! -e proc/sysrq-trigger ] || mount --bind dev/null proc/sysrq-trigger

echo "$pid" >"$directory/init.pid"
mkdir run/machine
pivot_root . run/machine
cd /
umount -l /run/machine
rmdir /run/machine
# In a container systemd ignores the devices of fstab, so they are mounted here. A failure goes to the console and does
# not stop the boot.
mount --all || true
# Drops the capabilities that would affect the machine.
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
  setpriv --bounding-set \
  -sys_time,-sys_module,-sys_rawio,-syslog,-mac_admin,-mac_override,-wake_alarm,-audit_control,-audit_read,-mknod \
  /lib/systemd/systemd
