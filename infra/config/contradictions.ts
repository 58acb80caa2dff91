import path from "node:path";
import { z } from "zod";
import { witnessName } from "../../watchdog/config/address.ts";
import { addressViolations, sharedViolations } from "../../watchdog/config/contradictions.ts";
import type { TargetSettings } from "../../watchdog/config/notifications.ts";
import { permitsRemoteKeys } from "../../watchdog/config/sections.ts";
import type { ConfigViolation } from "../../watchdog/config/violations.ts";
import { contains, overlap, parseCidr } from "../ipv4.ts";
import { planTopology } from "../topology/plan.ts";
import { dnsContradictions } from "./dns-contradictions.ts";
import { keyName } from "./messages.ts";
import { monitoringContradictions } from "./monitoring-contradictions.ts";
import { reachabilityContradictions } from "./reachability.ts";
import { rotationContradictions } from "./rotation.ts";
import { configNamespace, type StackConfig } from "./schema.ts";
import { virtualAddressContradictions } from "./virtual-addresses.ts";

/** Values that are each valid and do not fit together: the watchdog's own rules, and those of provisioning. */
export function contradictions(config: StackConfig): readonly ConfigViolation[] {
  return [
    ...siteContradictions(config),
    ...resizeContradictions(config),
    ...drainContradictions(config),
    ...hostKeyContradictions(config),
    ...watchdogContradictions(config),
    ...witnessContradictions(config),
    ...networkContradictions(config),
    ...reachabilityContradictions(config),
    ...virtualAddressContradictions(config),
    ...dnsContradictions(config),
    ...licenceContradictions(config),
    ...remoteSecurityContradictions(config),
    ...pageContradictions(config),
    ...snapshotContradictions(config),
    ...heartbeatContradictions(config),
    ...rotationContradictions(config),
    ...notificationContradictions(config),
    ...monitoringContradictions(config),
  ];
}

function siteContradictions({ region, regions, witness }: StackConfig): readonly ConfigViolation[] {
  const sites = [...Object.keys(regions), ...(witness === null ? [] : [witnessName])];
  if (sites.includes(region)) return [];
  const message =
    region === witnessName
      ? `is "${witnessName}", and ${keyName("witness")} is none: there is no such site`
      : `is "${region}": write one of ${sites.join(", ")}`;
  return [{ key: "region", message }];
}

/** The hosts of this stack. */
function ownHosts(config: StackConfig): readonly string[] {
  return planTopology(config)
    .hosts.filter((host) => host.region === config.region)
    .map(({ name }) => name);
}

function hostKeyContradictions(config: StackConfig): readonly ConfigViolation[] {
  const names = ownHosts(config);
  const others = Object.keys(config.hostKeys).filter((name) => !names.includes(name));
  return others.map((name) => ({
    key: `hostKeys.${name}`,
    message: `is not for a host of ${config.region}: there are ${names.join(", ")}`,
  }));
}

function resizeContradictions(config: StackConfig): readonly ConfigViolation[] {
  const { region, resize } = config;
  if (resize === undefined) return [];
  const names = ownHosts(config);
  if (names.includes(resize)) return [];
  return [{ key: "resize", message: `is "${resize}": write a host of ${region}: ${names.join(", ")}` }];
}

/** A region with fewer nodes has no majority of masters once one is down. */
const NODES_LEFT_MIN = 3;

/** Positions name hosts: only the last one can go without another one's changing its name. */
function drainContradictions(config: StackConfig): readonly ConfigViolation[] {
  const { region, drain } = config;
  if (drain === undefined) return [];
  const nodes = planTopology(config).hosts.filter((host) => host.region === region && host.role === "elasticsearch");
  const last = nodes.at(-1)?.name;
  if (last === undefined) return [{ key: "drain", message: `is "${drain}": ${region} has no Elasticsearch nodes` }];
  if (drain !== last) return [{ key: "drain", message: `is "${drain}": write ${last}, the last node of ${region}` }];
  if (nodes.length > NODES_LEFT_MIN) return [];
  const message = `is "${drain}": ${region} has ${nodes.length} nodes, and ${NODES_LEFT_MIN} have to stay to survive the loss of one`;
  return [{ key: "drain", message }];
}

/** With a witness the watchdogs share etcd and failsafe; without one there is neither. */
function watchdogContradictions(config: StackConfig): readonly ConfigViolation[] {
  const { regions, endpointAddresses, store, failsafe } = config;
  const shared =
    config.witness === null
      ? { store: { kind: "file" as const }, failsafe: null }
      : { store: { kind: "etcd" as const, ...store }, failsafe };
  return [
    ...sharedViolations({ ...config, ...shared }),
    ...(endpointAddresses === null
      ? []
      : addressViolations("endpointAddresses", endpointAddresses, Object.keys(regions))),
  ];
}

/** Several routers need a store with a quorum, and a quorum needs a member of etcd at each of three sites. */
function witnessContradictions({ regions, witness }: StackConfig): readonly ConfigViolation[] {
  const counts = Object.entries(regions).map(([region, { haproxyNodes }]) => ({ region, haproxyNodes }));
  if (witness !== null) {
    const without = counts.filter(({ haproxyNodes }) => haproxyNodes === 0);
    return without.map(({ region }) => ({
      key: `regions.${region}.haproxyNodes`,
      message:
        "is 0: with a witness each region needs a HAProxy host, which also has the region's member of etcd. Without a " +
        `witness (${keyName("witness")}: none) one is enough`,
    }));
  }
  if (counts.reduce((sum, { haproxyNodes }) => sum + haproxyNodes, 0) === 1) return [];
  const shown = counts.map(({ region, haproxyNodes }) => `${region} ${haproxyNodes}`).join(", ");
  return [
    {
      key: "regions",
      message:
        `has haproxyNodes ${shown}, and ${keyName("witness")} is none: without a witness the record is in one watchdog's ` +
        "file, so there may be exactly one HAProxy host. Set haproxyNodes to 1 in one region and to 0 in the other, or set a witness",
    },
  ];
}

function networkContradictions({ regions, witness, network }: StackConfig): readonly ConfigViolation[] {
  const parts = [
    ...Object.entries(regions).map(([region, { cidr }]) => ({ name: region, key: `regions.${region}.cidr`, cidr })),
    ...(witness === null ? [] : [{ name: witnessName, key: `${witnessName}.cidr`, cidr: witness.cidr }]),
  ];
  return parts.flatMap(({ key, cidr }, index) => {
    const overlapping = parts.slice(index + 1).filter((other) => isOverlap(cidr, other.cidr));
    return [
      ...(isWithin(cidr, network.cidr)
        ? []
        : [{ key, message: `is "${cidr}": write a network within ${keyName("network.cidr")}, ${network.cidr}` }]),
      ...overlapping.map((other) => ({
        key,
        message: `is "${cidr}" and overlaps ${other.name}'s ${other.cidr}: write disjoint networks`,
      })),
    ];
  });
}

function isOverlap(one: string, other: string): boolean {
  const [a, b] = [parseCidr(one), parseCidr(other)];
  return a !== undefined && b !== undefined && overlap(a, b);
}

function isWithin(part: string, whole: string): boolean {
  const [inner, outer] = [parseCidr(part), parseCidr(whole)];
  return inner !== undefined && outer !== undefined && contains(outer, inner);
}

function licenceContradictions({ elasticsearch, licenceFile }: StackConfig): readonly ConfigViolation[] {
  if (elasticsearch.licence !== "file" || licenceFile !== undefined) return [];
  return [
    {
      key: "licenceFile",
      message:
        'is missing, and elasticsearch.licence is "file": store your licence with ' +
        `\`pulumi config set --secret ${configNamespace}:licenceFile < licence.json\``,
    },
  ];
}

const licenceDocument = z.object({ license: z.object({ type: z.string() }) });

function remoteSecurityContradictions(config: StackConfig): readonly ConfigViolation[] {
  const { remoteClusterSecurity, elasticsearch, licenceFile } = config;
  if (remoteClusterSecurity === "certificate" || elasticsearch.licence === "trial" || licenceFile === undefined)
    return [];
  const { data } = licenceDocument.safeParse(JSON.parse(licenceFile));
  if (data === undefined || permitsRemoteKeys(data.license.type)) return [];
  const message =
    `is "api_key", and licenceFile is a ${data.license.type} licence: cross-cluster API keys need an Enterprise licence. ` +
    "Write certificate, or store such a licence";
  return [{ key: "remoteClusterSecurity", message }];
}

function pageContradictions({ page, pagePassword }: StackConfig): readonly ConfigViolation[] {
  if (page === null) return [];
  const { authentication, cidrs, clientCa } = page;
  const violations: ConfigViolation[] = [];
  if (authentication === "proxy" && cidrs.length > 0) {
    const message = "must be left out: with authentication proxy the page is on the host's loopback alone";
    violations.push({ key: "page.cidrs", message });
  }
  if (authentication !== "proxy" && cidrs.length === 0) {
    violations.push({ key: "page.cidrs", message: "is missing: name the networks from which the page is read" });
  }
  if (authentication === "certificate" && clientCa === undefined) {
    const message = "is missing: name the CA of your browsers' certificates, or choose another authentication";
    violations.push({ key: "page.clientCa", message });
  }
  if (authentication === "password" && pagePassword === undefined) {
    const message =
      'is missing, and page.authentication is "password": store one with ' +
      `\`pulumi config set --secret ${configNamespace}:pagePassword\``;
    violations.push({ key: "pagePassword", message });
  }
  return violations;
}

function snapshotContradictions(config: StackConfig): readonly ConfigViolation[] {
  const { snapshots } = config;
  if (snapshots === null) return [];
  const violations: ConfigViolation[] = (["snapshotAccessKey", "snapshotSecretKey"] as const).flatMap((key) =>
    config[key] === undefined
      ? [{ key, message: `is missing: store it with \`pulumi config set --secret ${configNamespace}:${key}\`` }]
      : [],
  );
  const { minCount, maxCount } = snapshots;
  if (maxCount < minCount) {
    const message = `(${maxCount}) must be at least snapshots.minCount (${minCount})`;
    violations.push({ key: "snapshots.maxCount", message });
  }
  return violations;
}

/** Where the hosts have the secrets of the targets of notifications. */
export const notificationSecretsDirectory = "/etc/es-failover/notifications";

/** A file that provisioning writes must have its secret; other files are on the hosts already. */
function notificationContradictions({ notifications, notificationSecrets }: StackConfig): readonly ConfigViolation[] {
  return notifications.targets.flatMap((target, position) =>
    secretFilesOf(target).flatMap(([key, file]) => {
      const isProvisioned = file !== null && path.dirname(file) === notificationSecretsDirectory;
      if (!isProvisioned || Object.hasOwn(notificationSecrets, path.basename(file))) return [];
      const name = path.basename(file);
      const message =
        `is "${file}", and notificationSecrets has no ${name}: store it with ` +
        `\`pulumi config set --path --secret '${configNamespace}:notificationSecrets["${name}"]'\``;
      return [{ key: `notifications.targets[${position}].${key}`, message }];
    }),
  );
}

function secretFilesOf(target: TargetSettings): readonly (readonly [key: string, file: string | null])[] {
  switch (target.kind) {
    case "webhook":
      return [["secretFile", target.secretFile]];
    case "slack":
      return [["urlFile", target.urlFile]];
    case "smtp":
      return [["passwordFile", target.passwordFile]];
    case "command":
      return [];
    default:
      return target satisfies never;
  }
}

/** etcd refuses to start with a shorter election timeout (server/embed/config.go). */
const leastHeartbeatsPerElection = 5;

function heartbeatContradictions({ etcd, store }: StackConfig): readonly ConfigViolation[] {
  if (leastHeartbeatsPerElection * etcd.heartbeatMs <= store.electionTimeoutMs) return [];
  return [
    {
      key: "etcd.heartbeatMs",
      message:
        `(${etcd.heartbeatMs}) may be at most a fifth of store.electionTimeoutMs (${store.electionTimeoutMs}): etcd does ` +
        "not start otherwise",
    },
  ];
}
