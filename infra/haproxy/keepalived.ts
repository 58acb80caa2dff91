import { type HostFile, scriptText } from "../provision/remote.ts";
import { type Host, hostsOf, type RegionPlan } from "../topology/model.ts";
import { openPath, statusPort } from "./haproxy-cfg.ts";

/**
 * keepalived on the HAProxy hosts of a region: one of them holds the region's virtual address.
 *
 * A host whose HAProxy does not answer gives the address up. A host whose router is closed only yields to one whose router is
 * open: while all are closed, as in each failover, the address stays and answers 503, and no client waits for an address
 * that does not exist.
 */

/** Debian's path. Root alone can write to it and to every folder above, which `enable_script_security` demands. */
export const checkScript = "/etc/keepalived/check-router";

/** The user of the checks. */
export const checkUser = "keepalived_script";

const basePriority = 100;
/** More than the priorities of any two hosts differ. */
const closedPenalty = 50;

export interface KeepalivedOptions {
  readonly region: RegionPlan;
  readonly virtualAddress: string;
  readonly host: Host;
}

/**
 * keepalived.conf. The priorities of all hosts are equal: the address moves to the better host, and back only when that one
 * fails. `nopreempt` would do the same, but a host that has it takes over from no one whose router is closed (keepalived
 * issue 2599).
 */
export function keepalivedConf({ region, virtualAddress, host }: KeepalivedOptions): string {
  const peers = peersOf(region, host).map(({ privateIp }) => `    ${privateIp}\n`);
  return `# Rendered by \`pulumi up\`, which overwrites changes made here.
global_defs {
  router_id ${host.name}
  enable_script_security
  script_user ${checkUser}
}

# Without a weight: the host gives the address up.
vrrp_script haproxy_up {
  script "${checkScript} up"
  interval 1
  timeout 2
  fall 2
  rise 2
}

vrrp_script router_open {
  script "${checkScript} open"
  interval 1
  timeout 2
  fall 2
  rise 2
  weight -${closedPenalty}
}

vrrp_instance entry {
  interface @INTERFACE@
  state BACKUP
  # Any number that all hosts of the region have in common.
  virtual_router_id ${lastOctet(virtualAddress)}
  priority ${basePriority}
  # A host without power is noticed after three of them.
  advert_int 1
  # No multicast: the security group accepts VRRP of these addresses and of no other.
  unicast_src_ip ${host.privateIp}
  unicast_peer {
${peers.join("")}  }
  virtual_ipaddress {
    ${virtualAddress}/32
  }
  track_script {
    haproxy_up
    router_open
  }
}
`;
}

/** Debian's unit has none: keepalived restarts its own children, and nothing restarts it. */
const restartDropIn = `# Rendered by \`pulumi up\`.
[Service]
Restart=always
RestartSec=1
`;

/** The region's other HAProxy hosts. */
export function peersOf(region: RegionPlan, host: Host): readonly Host[] {
  return hostsOf(region, "haproxy").filter(({ name }) => name !== host.name);
}

function lastOctet(address: string): string {
  return address.slice(address.lastIndexOf(".") + 1);
}

export function keepalivedFiles(options: KeepalivedOptions): HostFile[] {
  const check = scriptText("haproxy/check-router.sh")
    .replaceAll("@STATUS_PORT@", String(statusPort))
    .replaceAll("@STATUS_PATH@", openPath);
  return [
    { path: checkScript, content: check, mode: "0755" },
    { path: "/etc/keepalived/keepalived.conf", content: keepalivedConf(options), mode: "0644" },
    { path: "/etc/systemd/system/keepalived.service.d/60-es-failover.conf", content: restartDropIn, mode: "0644" },
  ];
}
