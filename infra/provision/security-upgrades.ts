import type { StackConfig } from "../config/schema.ts";
import type { Host, Topology } from "../topology/model.ts";
import type { HostFile } from "./remote.ts";

/**
 * Unattended upgrades of Debian's security updates. An upgrade of a library may restart services, and a bad one breaks them: no
 * two sites upgrade on the same day, and no two hosts of a role in a site at the same time.
 */

/** Of each site in turn. A day passes before the next site gets what the one before has got. */
const siteDays = ["Mon,Thu", "Tue,Fri", "Wed,Sat"] as const;

/** Between hosts of a role, an upgrade has this long to end, and its services to be back. */
const minutesBetweenHosts = 30;
const firstHour = 2;
/** The last host of a role begins eight hours after the first; beyond that they share a time. */
const slots = 16;

/** Packages that only an operator upgrades, as each restarts what the entries or the data depend on. */
const heldPackages = ["elasticsearch", "haproxy", "etcd-server", "etcd-client"] as const;
const sparedServices = ["elasticsearch", "haproxy", "etcd", "es-failover"] as const;

/** Regions by name, so that every stack plans the same days whatever order its configuration has. */
function daysOf({ regions }: Topology, site: string): string {
  const sorted = regions.map(({ name }) => name).sort();
  const position = sorted.indexOf(site);
  return siteDays[position === -1 ? 2 : position] ?? siteDays[2];
}

/** When a host upgrades, as systemd's calendar events. */
export function upgradeTime(topology: Topology, host: Host): string {
  const minutes = firstHour * 60 + ((host.index - 1) % slots) * minutesBetweenHosts;
  const twoDigits = (value: number) => String(value).padStart(2, "0");
  return `${daysOf(topology, host.region)} *-*-* ${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}:00 UTC`;
}

/** The files that configure unattended-upgrades on a host, also where it is switched off. */
export function upgradeFiles(
  topology: Topology,
  host: Host,
  { securityUpgrades }: Pick<StackConfig, "securityUpgrades">,
): HostFile[] {
  const isOn = securityUpgrades === "automatic";
  const file = (path: string, content: string): HostFile => ({
    path,
    content: `${path.startsWith("/etc/apt/") ? "//" : "#"} Rendered by \`pulumi up\`.\n${content}`,
    mode: "0644",
  });
  return [
    file("/etc/apt/apt.conf.d/60es-failover-upgrades", isOn ? automaticUpgrades : noUpgrades),
    file("/etc/systemd/system/apt-daily-upgrade.timer.d/60-es-failover.conf", timer(upgradeTime(topology, host))),
    file("/etc/needrestart/conf.d/es-failover.conf", needrestart),
  ];
}

const noUpgrades = `APT::Periodic::Unattended-Upgrade "0";
`;

const automaticUpgrades = `APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
// Security updates alone.
#clear Unattended-Upgrade::Origins-Pattern;
Unattended-Upgrade::Origins-Pattern { "origin=Debian,codename=\${distro_codename}-security,label=Debian-Security"; };
Unattended-Upgrade::Package-Blacklist { ${heldPackages.map((name) => `"^${name}$";`).join(" ")} };
// A reboot is an operator's: one host after the other, with the cluster green between.
Unattended-Upgrade::Automatic-Reboot "false";
`;

/** A host that was off at its time waits for the next one: it has just come back, and may be needed. */
const timer = (time: string) => `[Timer]
OnCalendar=
OnCalendar=${time}
RandomizedDelaySec=0
Persistent=false
`;

/** Where needrestart is installed, it restarts services whose libraries were upgraded. */
const needrestart = `$nrconf{override_rc}{qr(^(${sparedServices.join("|")})\\b)} = 0;
`;
