import { isLoopback, type PublisherConfig } from "./applications.ts";
import type { WatchdogConfig } from "./schema.ts";
import { timingViolations } from "./timing.ts";
import type { ConfigViolation } from "./violations.ts";

/** Rules over several settings. Pure: looks at no file. */
export function crossFieldViolations(config: WatchdogConfig): readonly ConfigViolation[] {
  return [
    ...regionViolations(config),
    ...patternViolations(config),
    ...sitesViolations(config),
    ...endpointViolations(config),
    ...(config.publisher === null ? [] : publisherViolations(config.publisher)),
    // Each sentence begins with its setting.
    ...timingViolations(config).map((message) => ({ key: "", message })),
  ];
}

function regionViolations({ regions, firstPrimary, site }: WatchdogConfig): readonly ConfigViolation[] {
  const violations: ConfigViolation[] = [];
  const names = Object.keys(regions);
  const either = names.join(" or ");
  if (names.includes("witness")) {
    violations.push({ key: "regions.witness", message: "no region may be called witness: that is the third site" });
  }
  if (!names.includes(firstPrimary)) {
    violations.push({ key: "firstPrimary", message: `is "${firstPrimary}": must be one of the regions, ${either}` });
  }
  if (site !== "witness" && !names.includes(site)) {
    violations.push({ key: "site", message: `is "${site}": must be one of the regions, ${either}, or witness` });
  }
  const seenIn = new Map<string, string>();
  for (const [region, { nodes }] of Object.entries(regions)) {
    nodes.forEach((url, position) => {
      const { host } = new URL(url);
      const key = `regions.${region}.nodes[${position}]`;
      const other = seenIn.get(host);
      if (other !== undefined) violations.push({ key, message: `is "${url}", which ${other} names already` });
      seenIn.set(host, key);
    });
  }
  return violations;
}

function patternViolations({ replication }: WatchdogConfig): readonly ConfigViolation[] {
  return (["patterns", "exclusions"] as const).flatMap((list) =>
    replication[list].flatMap((pattern, position) => {
      const key = `replication.${list}[${position}]`;
      // Elasticsearch's own rules for index names; `-` in front would exclude, `.` names what the system owns.
      if (!/^[^A-Z\s"\\/?<>|,#:]+$/.test(pattern)) {
        return [
          { key, message: `is "${pattern}": index names are in lower case, without spaces or any of "\\/?<>|,#:` },
        ];
      }
      if (/^[-_+]/.test(pattern)) return [{ key, message: `is "${pattern}": no index name begins with -, _ or +` }];
      if (list === "patterns" && (pattern === "*" || pattern.startsWith("."))) {
        return [
          { key, message: `is "${pattern}": would take in system indices, which cannot be replicated; name yours` },
        ];
      }
      return [];
    }),
  );
}

/** One watchdog stands alone beside its router; several need etcd, and a way to ask each other without it. */
function sitesViolations({ site, store, router, failsafe }: WatchdogConfig): readonly ConfigViolation[] {
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
    violations.push({ key: "router", message: "is null: a watchdog with a file store stands beside the only router" });
  }
  if (site === "witness" && router !== null) {
    violations.push({ key: "router", message: "must be null on the witness: applications are not routed through it" });
  }
  return violations;
}

function endpointViolations({ endpoint, router, regions }: WatchdogConfig): readonly ConfigViolation[] {
  if (endpoint === null) return [];
  const violations: ConfigViolation[] = [];
  const { listen, certificateFile, keyFile, addresses } = endpoint;
  if (router === null) {
    violations.push({
      key: "endpoint",
      message: "must be left out where no router stands: only a router's ticket says that a region may be named",
    });
  }
  if ((certificateFile === null) !== (keyFile === null)) {
    violations.push({ key: "endpoint.keyFile", message: "and endpoint.certificateFile are given both or not at all" });
  }
  if (certificateFile === null && !isLoopback(listen)) {
    violations.push({
      key: "endpoint.certificateFile",
      message: `is missing: ${listen} can be reached from elsewhere`,
    });
  }
  for (const region of Object.keys(regions)) {
    if (!(region in addresses)) violations.push({ key: `endpoint.addresses.${region}`, message: "is missing" });
  }
  for (const region of Object.keys(addresses)) {
    if (!(region in regions)) violations.push({ key: `endpoint.addresses.${region}`, message: "is no region" });
  }
  return violations;
}

/** Rules over several settings of the publisher's section, which may stand in a file of its own. */
export function publisherViolations(config: PublisherConfig): readonly ConfigViolation[] {
  const { source, files, consul, acknowledgeTo, quiescence } = config;
  const violations: ConfigViolation[] = [];
  const demandTls = (key: string, url: string, caFile: string | null) => {
    if (url.startsWith("http:") && !isLoopback(url)) {
      violations.push({ key, message: `is "${url}": plain http is for this host alone, use https` });
    }
    if (url.startsWith("https:") && caFile === null) {
      violations.push({ key, message: `is "${url}": a caFile is needed to know the right one by` });
    }
  };
  const caFile = source.caFile;
  if (source.kind === "service") {
    for (const [position, url] of source.urls.entries()) demandTls(`publisher.source.urls[${position}]`, url, caFile);
  }
  for (const [position, url] of (acknowledgeTo ?? []).entries()) {
    demandTls(`publisher.acknowledgeTo[${position}]`, url, caFile);
  }
  if (consul !== null) demandTls("publisher.consul.url", consul.url, consul.caFile);
  if (quiescence.minMs > quiescence.maxMs) {
    violations.push({
      key: "publisher.quiescence.minMs",
      message: `(${quiescence.minMs}) may not exceed maxMs (${quiescence.maxMs})`,
    });
  }
  const paths = files.map(({ path }) => path);
  paths.forEach((path, position) => {
    if (paths.indexOf(path) === position) return;
    violations.push({ key: `publisher.files[${position}].path`, message: `is "${path}", which stands there already` });
  });
  return violations;
}
