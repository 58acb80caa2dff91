#!/bin/sh
# Acts as the host's hypervisor: boots it, boots it again after a reboot, and unplugs its network cables while it is off.
# Runs until the host is powered off or killed.
#
#   supervise.sh HOST-DIRECTORY ROOT CGROUP HOST-NETWORK REGION-NETWORK PORT...
set -u
directory=$1 root=$2 cgroup=$3 network=$4 region=$5
shift 5
boot=$(dirname "$(readlink -f "$0")")/boot.sh

plug() { # up|down PORT...
  state=$1
  shift
  for port; do nsenter --net="$region" ip link set "$port" "$state"; done
}

# A killed systemd leaves its control groups behind; the next boot needs an empty tree.
empty_cgroup() {
  attempts=100
  while [ -d "$cgroup" ] && [ $attempts -gt 0 ]; do
    find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
    attempts=$((attempts - 1))
    [ ! -d "$cgroup" ] || sleep 0.02
  done
}

while :; do
  empty_cgroup
  mkdir -p "$cgroup"
  plug up "$@"
  # The host's uptime counts from its own boot.
  read -r uptime _ </proc/uptime
  nsenter --net="$network" \
    unshare --time --boottime=-"${uptime%%.*}" --monotonic=-"${uptime%%.*}" \
    --mount --propagation private --uts --ipc --pid --fork --kill-child \
    sh -c 'echo 0 > "$0/cgroup.procs" && exec unshare --cgroup "$@"' "$cgroup" "$boot" "$directory" "$root"
  ended=$?
  rm -f "$directory/init.pid"
  plug down "$@"
  # The kernel ends a PID namespace's init with SIGHUP on reboot and with SIGINT on power-off.
  [ $ended -eq $((128 + 1)) ] || break
done
empty_cgroup
