#!/usr/bin/env bash
# keepalived's check of this host, as an unprivileged user, each second.
# Argument: `up`, HAProxy answers, or `open`, its routing ticket is valid too. HAProxy itself judges that, by its own clock.
set -euo pipefail

# Replaced by provisioning.
readonly port=@STATUS_PORT@ path=@STATUS_PATH@

exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET %s HTTP/1.0\r\n\r\n' "$path" >&3
# HAProxy that is stopped still has its connections accepted by the kernel.
read -r -t 1 _ status _ <&3
[[ $1 == up || $status == 200 ]]
