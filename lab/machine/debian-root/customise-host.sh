#!/bin/sh
# Makes a fresh Debian root like a cloud image of Debian: user debian, SSH by key only.
# mmdebstrap calls it with the root directory as its argument.
set -eu
root=$1

# Each host gets its own identity.
rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/dbus/machine-id"
: > "$root/etc/machine-id"

chroot "$root" useradd --create-home --shell /bin/bash --groups sudo debian
printf 'debian ALL=(ALL) NOPASSWD:ALL\n' > "$root/etc/sudoers.d/90-cloud-user"
chmod 440 "$root/etc/sudoers.d/90-cloud-user"

# The operator's key has its own file: ~debian/.ssh/authorized_keys holds the declared keys only.
cat > "$root/etc/ssh/sshd_config.d/50-lab.conf" <<'SSHD'
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/lab-operator-keys
SSHD

# A mirror may be an old snapshot; the lab's disks need no fsync for each unpacked file.
cat > "$root/etc/apt/apt.conf.d/90-lab" <<'APT'
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Dpkg::Options { "--force-unsafe-io"; };
APT

# Each host gets the lab's package proxy as its package source.
rm -f "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/*

# sshd starts only when systemd permits logins, so an answer on port 22 means that users can log in.
install -D -m 644 /dev/stdin "$root/etc/systemd/system/ssh.service.d/50-lab.conf" <<'UNIT'
[Unit]
After=systemd-user-sessions.service
UNIT

# A host made of namespaces has no consoles, no udev and no kernel mounts of its own.
for unit in console-getty.service getty@tty1.service getty-static.service systemd-udevd.service \
  systemd-udev-trigger.service systemd-modules-load.service systemd-remount-fs.service systemd-timesyncd.service \
  dev-hugepages.mount sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount \
  sys-kernel-tracing.mount; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
# These timers would load the machine during tests.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# systemd's own generator skips the devices of fstab where /sys is read-only. This one makes mount units for them, so that
# data volumes are mounted at boot and services can depend on them, as on a virtual machine.
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
