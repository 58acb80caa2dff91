#!/bin/sh
# Turns a fresh Debian root into what a cloud image of Debian is to those who log in: user debian, SSH by key only.
# Called by mmdebstrap with the root directory as its argument.
set -eu
root=$1

# Identity belongs to a host, not to the image.
rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/dbus/machine-id"
: > "$root/etc/machine-id"

chroot "$root" useradd --create-home --shell /bin/bash --groups sudo debian
printf 'debian ALL=(ALL) NOPASSWD:ALL\n' > "$root/etc/sudoers.d/90-cloud-user"
chmod 440 "$root/etc/sudoers.d/90-cloud-user"

# The operator's key stands in a file of its own, so that ~debian/.ssh/authorized_keys holds what was declared, alone.
cat > "$root/etc/ssh/sshd_config.d/50-lab.conf" <<'SSHD'
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/lab-operator-keys
SSHD

# A mirror may be a copy frozen in the past; disks of the lab need no fsync for each unpacked file.
cat > "$root/etc/apt/apt.conf.d/90-lab" <<'APT'
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Dpkg::Options { "--force-unsafe-io"; };
APT

# Each host gets package sources of its own: the lab's package proxy.
rm -f "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/*

# An answer on port 22 means that users can log in: not a moment earlier, while systemd still forbids it.
install -D -m 644 /dev/stdin "$root/etc/systemd/system/ssh.service.d/50-lab.conf" <<'UNIT'
[Unit]
After=systemd-user-sessions.service
UNIT

# What a virtual machine's hardware would need and a host made of namespaces has not: consoles, udev, kernel mounts.
for unit in console-getty.service getty@tty1.service getty-static.service systemd-udevd.service \
  systemd-udev-trigger.service systemd-modules-load.service systemd-remount-fs.service systemd-timesyncd.service \
  dev-hugepages.mount sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount \
  sys-kernel-tracing.mount; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
# Timers that would load the machine behind a test's back.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# systemd's own generator skips the devices of fstab where /sys is read-only. This one takes them, so that a data volume
# in fstab is mounted at boot, and its mount unit is there to depend on, as on a virtual machine.
install -D -m 755 /dev/stdin "$root/etc/systemd/system-generators/lab-fstab-generator" <<'GENERATOR'
#!/bin/sh
set -eu
[ -r /etc/fstab ] || exit 0
units=$1
while read -r what where type options _; do
  case $what in /dev/*) ;; *) continue ;; esac
  case ,$options, in *,noauto,*) continue ;; esac
  unit=$(systemd-escape --path --suffix=mount "$where")
  printf '[Unit]\nSourcePath=/etc/fstab\nBefore=local-fs.target\n\n[Mount]\nWhat=%s\nWhere=%s\nType=%s\nOptions=%s\n' \
    "$what" "$where" "$type" "$options" > "$units/$unit"
  case ,$options, in *,nofail,*) wants=wants ;; *) wants=requires ;; esac
  mkdir -p "$units/local-fs.target.$wants"
  ln -sf "../$unit" "$units/local-fs.target.$wants/$unit"
done < /etc/fstab
GENERATOR

mkdir -p "$root/var/log/journal"
