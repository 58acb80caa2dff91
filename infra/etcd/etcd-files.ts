import { defaultPrefix } from "../../watchdog/adapters/etcd/keys.ts";
import { type MemberConfigInput, memberConfigSchema } from "../../watchdog/etcd-member/config.ts";
import type { StackConfig } from "../config/schema.ts";
import type { Host, Topology } from "../topology/model.ts";
import { ports } from "../topology/ports.ts";

/** The files that make a host a member of etcd: its settings, and a drop-in for Debian's own unit. */

const directory = "/etc/etcd";
export const etcdPaths = {
  settings: "/etc/default/etcd",
  dropIn: "/etc/systemd/system/etcd.service.d/es-failover.conf",
  completionUnit: "/etc/systemd/system/es-failover-etcd.service",
  member: `${directory}/member.json`,
  ca: `${directory}/ca.crt`,
  certificate: `${directory}/member.crt`,
  key: `${directory}/member.key`,
  rootPassword: `${directory}/root-password`,
  userPassword: `${directory}/user-password`,
  permission: `${directory}/found-new-cluster`,
  /** Apart from the package's own directory, which may hold data of a member that the package started by itself. */
  data: "/var/lib/etcd/es-failover",
  environment: "/run/etcd/bootstrap.env",
} as const;

/** The watchdogs' user of etcd: may read and write the keys with this prefix, nothing else. */
export const etcdUser = { name: "es-failover", prefix: defaultPrefix } as const;

/**
 * Bound on a request. The record is packed and stays below 256 KiB at 5,000 indices of three shards; this leaves room for
 * many more. Members answer in base64, so the bound stays below the 16 MiB that the watchdog reads.
 */
export const maxRequestBytes: number = 8 * 1024 * 1024;

const clientUrl = (host: Host) => `https://${host.privateIp}:${ports.etcdClient}`;
const metricsUrl = (host: Host) => `https://${host.privateIp}:${ports.etcdMetrics}`;
const peerUrl = (host: Host) => `https://${host.privateIp}:${ports.etcdPeer}`;
const founderUrl = (host: Host) => `https://${host.privateIp}:${ports.etcdFounder}`;

/** Client URLs of the members in the order for a host: its own site's first, then as planned. */
export function etcdEndpoints({ etcdMembers }: Topology, from: Host): string[] {
  const near = etcdMembers.filter(({ region }) => region === from.region);
  return [...near, ...etcdMembers.filter(({ region }) => region !== from.region)].map(clientUrl);
}

export interface EtcdSettingsOptions {
  readonly host: Host;
  readonly config: Pick<StackConfig, "store" | "etcd" | "monitoring">;
}

/** /etc/default/etcd. The host decides how a member starts for the first time: see `etcdDropIn`. */
export function etcdSettings({ host, config: { store, etcd, monitoring } }: EtcdSettingsOptions): string {
  const settings = {
    NAME: host.name,
    DATA_DIR: etcdPaths.data,
    // The private network only.
    LISTEN_CLIENT_URLS: clientUrl(host),
    ADVERTISE_CLIENT_URLS: clientUrl(host),
    LISTEN_PEER_URLS: peerUrl(host),
    INITIAL_ADVERTISE_PEER_URLS: peerUrl(host),
    // With mutual TLS, too.
    ...(monitoring === null ? {} : { LISTEN_METRICS_URLS: metricsUrl(host) }),
    INITIAL_CLUSTER_TOKEN: "es-failover",
    STRICT_RECONFIG_CHECK: "true",
    // A member whose data differs from that of the others refuses to start.
    EXPERIMENTAL_INITIAL_CORRUPT_CHECK: "true",
    HEARTBEAT_INTERVAL: String(etcd.heartbeatMs),
    ELECTION_TIMEOUT: String(store.electionTimeoutMs),
    AUTO_COMPACTION_MODE: "periodic",
    // Only the present values are ever read. Twice as long may pass until the space of an old one is used again.
    AUTO_COMPACTION_RETENTION: "10m",
    QUOTA_BACKEND_BYTES: String(store.quotaBytes),
    // A start returns free space of the file to the disk, where there is as much (MiB).
    EXPERIMENTAL_BOOTSTRAP_DEFRAG_THRESHOLD_MEGABYTES: "64",
    MAX_REQUEST_BYTES: String(maxRequestBytes),
    CLIENT_CERT_AUTH: "true",
    TRUSTED_CA_FILE: etcdPaths.ca,
    CERT_FILE: etcdPaths.certificate,
    KEY_FILE: etcdPaths.key,
    PEER_CLIENT_CERT_AUTH: "true",
    PEER_TRUSTED_CA_FILE: etcdPaths.ca,
    PEER_CERT_FILE: etcdPaths.certificate,
    PEER_KEY_FILE: etcdPaths.key,
    LOG_LEVEL: "warn",
  };
  const lines = Object.entries(settings).map(([name, value]) => `ETCD_${name}=${value}\n`);
  return `# Rendered by \`pulumi up\`, which overwrites changes made here.\n${lines.join("")}`;
}

/**
 * Debian's unit counts etcd as started once it has joined a majority. Before each start the host decides how its member
 * takes part, which may include a wait for the others. So a start has no time limit, and provisioning does not wait for it.
 */
export const etcdDropIn = `# Rendered by \`pulumi up\`.
[Unit]
After=network-online.target
StartLimitIntervalSec=0
Wants=es-failover-etcd.service

[Service]
# Written by the command below.
EnvironmentFile=-${etcdPaths.environment}
ExecStartPre=+/usr/local/bin/es-failover etcd prepare
TimeoutStartSec=infinity
Restart=always
RestartSec=2
RuntimeDirectory=etcd
UMask=0077
OOMScoreAdjust=-500

NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ReadWritePaths=/var/lib/etcd
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
`;

/** Runs beside each start of etcd, which waits for other founders to say so; ends once its member votes and authentication is on. */
export const completionUnit = `# Rendered by \`pulumi up\`.
[Unit]
Description=Completes this host's member of etcd: founding, promotion, authentication
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=/usr/local/bin/es-failover etcd complete
Restart=on-failure
RestartSec=5

NoNewPrivileges=yes
CapabilityBoundingSet=CAP_DAC_OVERRIDE
ProtectSystem=strict
# The file that marks a voting member, and the permission to found a cluster, which is removed with it.
ReadWritePaths=/var/lib/etcd /etc/etcd
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
LockPersonality=yes
SystemCallArchitectures=native
`;

/** /etc/etcd/member.json, checked against its own schema before it reaches a host. */
export function memberJson(topology: Topology, host: Host): string {
  const input: MemberConfigInput = {
    name: host.name,
    members: topology.etcdMembers.map((member) => ({
      name: member.name,
      clientUrl: clientUrl(member),
      peerUrl: peerUrl(member),
      founderUrl: founderUrl(member),
    })),
    dataDirectory: etcdPaths.data,
    environmentFile: etcdPaths.environment,
    permissionFile: etcdPaths.permission,
    caFile: etcdPaths.ca,
    certificateFile: etcdPaths.certificate,
    keyFile: etcdPaths.key,
    root: { username: "root", passwordFile: etcdPaths.rootPassword },
    user: { username: etcdUser.name, passwordFile: etcdPaths.userPassword },
    prefix: etcdUser.prefix,
  };
  memberConfigSchema.parse(input);
  return `${JSON.stringify(input, undefined, 2)}\n`;
}
