#!/usr/bin/python3
"""Checks what is in effect on a host at the end of its provisioning, and tells what is wrong and what to do.

Input: {"kernel": [{"key", "least" or "most": number, "why"}], "openFiles": {service: least}, "swap": most swappiness or null,
"route": {"privateIp", "gateway": by which it reaches the internet, or null where it has a public address},
"fixed": [what the platform fixes: reported only]}
"""

import json
import os
import subprocess
import sys
import time

# Elsewhere in tests alone.
PROC = os.environ.get("PROC_DIRECTORY", "/proc")
# chrony and systemd-timesyncd take some seconds after their start.
CLOCK_SECONDS = float(os.environ.get("CLOCK_SECONDS", "180"))


def read(*path):
    with open(os.path.join(PROC, *path)) as file:
        return file.read()


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def kernel(setting):
    key = setting["key"]
    value = int(read("sys", *key.split(".")))
    least, most = setting.get("least"), setting.get("most")
    if (least is None or value >= least) and (most is None or value <= most):
        return None
    wanted = f"at least {least}" if least is not None else f"at most {most}"
    return (
        f"{key} is {value} and must be {wanted}: {setting['why']}. /etc/sysctl.d/60-es-failover.conf sets it; see which "
        f"other file does (`grep -rs {key} /etc/sysctl.conf /etc/sysctl.d /run/sysctl.d /usr/lib/sysctl.d`)."
    )


def swap(most):
    devices = [line.split()[0] for line in read("swaps").splitlines()[1:]]
    value = int(read("sys", "vm", "swappiness"))
    if not devices or value <= most:
        return None
    return (
        f"swap is on ({', '.join(devices)}) with vm.swappiness {value}: Elasticsearch's heap must stay in memory. Remove swap "
        f"(`swapoff -a`, and its line in /etc/fstab), or see which file sets vm.swappiness above {most}."
    )


def open_files(service, least):
    pid = output("systemctl", "show", "--property=MainPID", "--value", service)
    if pid not in ("", "0"):
        line = next(line for line in read(pid, "limits").splitlines() if line.startswith("Max open files"))
        limit = line.split()[4]
    else:
        limit = output("systemctl", "show", "--property=LimitNOFILE", "--value", service)
    if limit in ("unlimited", "infinity") or (limit.isdigit() and int(limit) >= least):
        return None
    return (
        f"{service} may open {limit or 'an unknown number of'} files, and needs {least}: raise LimitNOFILE with `systemctl edit "
        f"{service}`, and restart it when another host can take over."
    )


def clock():
    """Leases and routing tickets depend on the clock; a new host has not set it yet."""
    deadline = time.monotonic() + CLOCK_SECONDS
    while output("timedatectl", "show", "--property=NTPSynchronized", "--value") != "yes":
        if time.monotonic() >= deadline:
            return (
                f"the clock was not synchronised within {CLOCK_SECONDS:.0f} s: see `timedatectl`, `chronyc sources` or `timedatectl "
                "timesync-status`, and whether UDP port 123 of the time servers is reachable."
            )
        time.sleep(1)
    return None


def default_route(wanted):
    """DHCP offers one on the private interface as well, at each of its leases."""
    private_ip, gateway = wanted["privateIp"], wanted["gateway"]
    links = json.loads(output("ip", "-4", "-json", "address", "show"))
    private = next(
        (link["ifname"] for link in links if any(a.get("local") == private_ip for a in link.get("addr_info", []))), None
    )
    if private is None:
        return f"no interface has the private address {private_ip}: see `ip address`."
    routes = json.loads(output("ip", "-4", "-json", "route", "show", "default") or "[]")
    ways = ", ".join(f"via {route.get('gateway', '?')} dev {route.get('dev', '?')}" for route in routes) or "none"
    inside = [route for route in routes if route.get("dev") == private]
    if gateway is not None:
        if len(routes) == len(inside) == 1 and inside[0].get("gateway") == gateway:
            return None
        return (
            f"the default route must be via {gateway} dev {private}, the gateway, and no other: it is {ways}. See `networkctl status "
            f"{private}`, and the subnet's gateway in OVHcloud's console."
        )
    if inside:
        return (
            f"{private}, the private interface, has a default route ({ways}): answers of the public address leave by it, and are "
            f"lost. See which program asks DHCP for it: `networkctl status {private}`, `ip -4 -details route show default`."
        )
    return None if routes else "there is no default route: see `networkctl status`, and the instance's public interface."


def findings(wanted):
    for setting in wanted["kernel"]:
        yield setting["key"], kernel(setting)
    if wanted["swap"] is not None:
        yield "swap", swap(wanted["swap"])
    for service, least in wanted["openFiles"].items():
        yield "openFiles", open_files(service, least)
    yield "route", default_route(wanted["route"])
    if "clock" not in wanted["fixed"]:
        yield "clock", clock()


def main():
    wanted = json.load(sys.stdin)
    host = os.uname().nodename
    failed = False
    for name, message in findings(wanted):
        if message is None:
            continue
        if name in wanted["fixed"]:
            print(f"{host}: accepted, as fixedHostSettings names {name}: {message}", file=sys.stderr)
        else:
            print(f"{host}: {message}", file=sys.stderr)
            failed = True
    if failed:
        print(f"{host}: where the hosts' platform fixes a setting, name it in es-failover:fixedHostSettings.", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
