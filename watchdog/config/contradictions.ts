import { matchesPattern } from "../util/wildcard.ts";
import { type Addresses, type RegionName, witnessName } from "./address.ts";
import { isLoopback, type PublisherConfig } from "./applications.ts";
import { CANARY_INDEX } from "./canary.ts";
import type { MetricsSettings } from "./metrics.ts";
import { notificationViolations } from "./notification-violations.ts";
import { listenOf } from "./page.ts";
import { regionAccessViolations } from "./region-access.ts";
import type { WatchdogConfig } from "./schema.ts";
import { type TimingConfig, timingViolations } from "./timing.ts";
import type { ConfigViolation } from "./violations.ts";

/** The sections to which provisioning applies the same rules, at preview. */
export interface SharedSections
  extends TimingConfig,
    Pick<WatchdogConfig, "firstPrimary" | "replication" | "publisher" | "notifications"> {
  readonly regions: Readonly<Record<RegionName, unknown>>;
}

/** Rules over several settings. Pure: opens no file. */
export function crossFieldViolations(config: WatchdogConfig): readonly ConfigViolation[] {
  return [
    ...sharedViolations(config),
    ...siteViolations(config),
    ...nodeViolations(config),
    ...regionAccessViolations(config),
    ...storeViolations(config),
    ...endpointViolations(config),
    ...metricsViolations(config),
    ...pageViolations(config),
    ...entryViolations(config),
  ];
}

/** The rules over sections that a user sets in either place. */
export function sharedViolations(config: SharedSections): readonly ConfigViolation[] {
  return [
    ...regionViolations(config),
    ...patternViolations(config),
    ...timingViolations(config),
    ...notificationViolations(config.notifications),
    ...(config.publisher === null ? [] : publisherViolations(config.publisher)),
  ];
}

function regionViolations({ regions, firstPrimary }: SharedSections): readonly ConfigViolation[] {
  const names = Object.keys(regions);
  return [
    ...(names.includes(witnessName)
      ? [{ key: `regions.${witnessName}`, message: "is the third site's name: no region may have it" }]
      : []),
    ...(names.includes(firstPrimary)
      ? []
      : [{ key: "firstPrimary", message: `is "${firstPrimary}": write one of the regions, ${names.join(" or ")}` }]),
  ];
}

function siteViolations({ regions, site }: WatchdogConfig): readonly ConfigViolation[] {
  const names = Object.keys(regions);
  if (site === witnessName || names.includes(site)) return [];
  return [{ key: "site", message: `is "${site}": write one of the regions, ${names.join(" or ")}, or ${witnessName}` }];
}

function nodeViolations({ regions }: WatchdogConfig): readonly ConfigViolation[] {
  const keyByHost = new Map<string, string>();
  return Object.entries(regions).flatMap(([region, { nodes }]) =>
    nodes.flatMap((url, position) => {
      const { host } = new URL(url);
      const key = `regions.${region}.nodes[${position}]`;
      const other = keyByHost.get(host);
      keyByHost.set(host, key);
      return other === undefined ? [] : [{ key, message: `is "${url}", which ${other} names already` }];
    }),
  );
}

function patternViolations({ replication }: SharedSections): readonly ConfigViolation[] {
  return (["patterns", "exclusions"] as const).flatMap((list) =>
    replication[list].flatMap((pattern, position) => {
      const reason = patternError(pattern, list) ?? (list === "patterns" ? canaryError(pattern, replication) : null);
      return reason === null
        ? []
        : [{ key: `replication.${list}[${position}]`, message: `is "${pattern}": ${reason}` }];
    }),
  );
}

/** Elasticsearch's rules for index names. A leading `-` would exclude, a leading `.` names system indices. */
function patternError(pattern: string, list: "patterns" | "exclusions"): string | null {
  if (!/^[^A-Z\s"\\/?<>|,#:]+$/.test(pattern)) {
    return 'index names are in lower case, without spaces or any of "\\/?<>|,#:';
  }
  if (/^[-_+]/.test(pattern)) return "no index name begins with -, _ or +";
  if (list === "patterns" && (pattern === "*" || pattern.startsWith("."))) {
    return "this includes system indices, which cannot be replicated; name your own";
  }
  return null;
}

/** As a follower the canaries' index would refuse them after a failover. */
function canaryError(pattern: string, { exclusions }: SharedSections["replication"]): string | null {
  if (!matchesPattern(pattern, CANARY_INDEX)) return null;
  if (exclusions.some((exclusion) => matchesPattern(exclusion, CANARY_INDEX))) return null;
  return `this includes the canaries' index; add "${CANARY_INDEX}" to replication.exclusions`;
}

/** A single watchdog runs beside its router; several share etcd, and grant each other failsafe without it. */
function storeViolations({ site, store, router, failsafe }: WatchdogConfig): readonly ConfigViolation[] {
  const violations: ConfigViolation[] = [];
  if (store.kind === "etcd" && failsafe === null) {
    violations.push({ key: "failsafe", message: "is missing: without it the routers close whenever etcd is lost" });
  }
  if (store.kind === "file" && failsafe !== null) {
    violations.push({
      key: "failsafe",
      message: "must be left out: with a file store there is no other watchdog to ask",
    });
  }
  if (store.kind === "file" && router === null) {
    violations.push({
      key: "router",
      message: "is null: a watchdog with a file store needs the only router beside it",
    });
  }
  if (site === witnessName && router !== null) {
    violations.push({ key: "router", message: "must be null on the witness: applications are not routed through it" });
  }
  return violations;
}

/** Without a router a watchdog has no entry of its own; another host's would speak for that host. */
function entryViolations({ entry, router }: WatchdogConfig): readonly ConfigViolation[] {
  if (entry === null || router !== null) return [];
  return [{ key: "entry", message: "must be left out where there is no router" }];
}

function endpointViolations({ endpoint, router, regions }: WatchdogConfig): readonly ConfigViolation[] {
  if (endpoint === null) return [];
  const violations: ConfigViolation[] = [];
  const { addresses } = endpoint;
  if (router === null) {
    violations.push({
      key: "endpoint",
      message: "must be left out where there is no router: only a routing ticket shows that a region may be named",
    });
  }
  return [
    ...violations,
    ...listenerViolations("endpoint", endpoint),
    ...addressViolations("endpoint.addresses", addresses, Object.keys(regions)),
  ];
}

function metricsViolations({ metrics }: WatchdogConfig): readonly ConfigViolation[] {
  if (metrics === null) return [];
  const { certificateFile, clientCaFile } = metrics;
  const violations = [...listenerViolations("metrics", metrics)];
  if (clientCaFile !== null && certificateFile === null) {
    violations.push({ key: "metrics.clientCaFile", message: "needs TLS: add certificateFile and keyFile" });
  }
  return violations;
}

function pageViolations({ page }: WatchdogConfig): readonly ConfigViolation[] {
  if (page === null) return [];
  const { address, authentication, certificateFile } = page;
  const listen = listenOf(page);
  if (authentication.kind === "proxy" && !isLoopback(listen)) {
    const message =
      `is "${address}": with authentication "proxy" the page answers all who reach it, so it listens on loopback alone. ` +
      "Write 127.0.0.1, or authenticate by certificate or password";
    return [{ key: "page.address", message }];
  }
  const violations = [...listenerViolations("page", { ...page, listen })];
  if (authentication.kind === "certificate" && certificateFile === null && isLoopback(listen)) {
    violations.push({
      key: "page.certificateFile",
      message: "is missing: browsers show their certificates in TLS alone",
    });
  }
  return violations;
}

/** Without TLS a service is for this host alone. */
function listenerViolations(
  section: string,
  { listen, certificateFile, keyFile }: Pick<MetricsSettings, "listen" | "certificateFile" | "keyFile">,
): readonly ConfigViolation[] {
  const violations: ConfigViolation[] = [];
  if ((certificateFile === null) !== (keyFile === null)) {
    violations.push({
      key: `${section}.keyFile`,
      message: `and ${section}.certificateFile must both be given or left out`,
    });
  }
  if (certificateFile === null && !isLoopback(listen)) {
    violations.push({
      key: `${section}.certificateFile`,
      message: `is missing: other hosts can reach ${listen}, so it needs TLS`,
    });
  }
  return violations;
}

/** Each region has an address, and nothing else has. */
export function addressViolations(
  key: string,
  addresses: Addresses,
  regions: readonly RegionName[],
): readonly ConfigViolation[] {
  const missing = regions.filter((region) => !(region in addresses));
  const unknown = Object.keys(addresses).filter((region) => !regions.includes(region));
  return [
    ...missing.map((region) => ({ key: `${key}.${region}`, message: "is missing: write an address for each region" })),
    ...unknown.map((region) => ({
      key: `${key}.${region}`,
      message: `names no region: write ${regions.join(" or ")}`,
    })),
  ];
}

/** Rules over several settings of the publisher's section, which may be in a file of its own. */
export function publisherViolations(config: PublisherConfig): readonly ConfigViolation[] {
  return [...publisherUrlViolations(config), ...quiescenceViolations(config), ...publishedFileViolations(config)];
}

function publisherUrlViolations({ source, consul, acknowledgeTo }: PublisherConfig): readonly ConfigViolation[] {
  const services = source.kind === "service" ? source.urls : [];
  return [
    ...services.flatMap((url, position) => tlsViolations(`publisher.source.urls[${position}]`, url, source.caFile)),
    ...(acknowledgeTo ?? []).flatMap((url, position) =>
      tlsViolations(`publisher.acknowledgeTo[${position}]`, url, source.caFile),
    ),
    ...(consul === null ? [] : tlsViolations("publisher.consul.url", consul.url, consul.caFile)),
  ];
}

function tlsViolations(key: string, url: string, caFile: string | null): readonly ConfigViolation[] {
  if (url.startsWith("http:") && !isLoopback(url)) {
    return [{ key, message: `is "${url}": plain http is for this host alone, write an https URL` }];
  }
  if (url.startsWith("https:") && caFile === null) {
    return [{ key, message: `is "${url}": a caFile is needed to verify its certificate` }];
  }
  return [];
}

function quiescenceViolations({ quiescence: { minMs, maxMs } }: PublisherConfig): readonly ConfigViolation[] {
  if (minMs <= maxMs) return [];
  return [{ key: "publisher.quiescence.minMs", message: `(${minMs}) may not exceed maxMs (${maxMs})` }];
}

function publishedFileViolations({ files, templates }: PublisherConfig): readonly ConfigViolation[] {
  const named = [
    ...files.map(({ path }, position) => ({ path, entry: `files[${position}]`, key: "path" })),
    ...templates.map(({ destination }, position) => ({
      path: destination,
      entry: `templates[${position}]`,
      key: "destination",
    })),
  ];
  return named.flatMap(({ path, entry, key }, position) => {
    const first = named.findIndex((other) => other.path === path);
    if (first === position) return [];
    return [{ key: `publisher.${entry}.${key}`, message: `is "${path}", which ${named[first]?.entry} names already` }];
  });
}
