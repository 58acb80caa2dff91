import type { RegionName } from "../../../config/address.ts";
import { backendOf } from "../backend.ts";
import type { Section } from "./configuration.ts";
import { regionBackends } from "./entries.ts";
import {
  finding,
  isSame,
  nodesIn,
  type RoutingExpectation,
  type RoutingFinding,
  regionNamed,
  regionServed,
  serversOf,
} from "./finding.ts";

/** The servers of a backend, or of a `listen`, which is an entry with servers of its own. */
export function serverFindings(
  holder: Section,
  entries: readonly Section[],
  expected: RoutingExpectation,
): readonly RoutingFinding[] {
  const region = holder.kind === "backend" ? regionNamed(holder.name, expected) : null;
  if (region !== null) return regionBackendFindings(holder, region, expected);
  const nodes = nodesIn(holder, expected);
  if (nodes === "") return unknownAddresses(holder);
  if (holder.kind === "listen") {
    const what = `it leads to ${nodes} without a ticket: make it a frontend that uses ${regionBackends(expected)}`;
    return [finding("around", holder, what)];
  }
  const isUsed = entries.some(({ lines }) =>
    lines.some(({ words: [first = "", second] }) => first.endsWith("_backend") && second === holder.name),
  );
  // The frontend that uses it has a finding of its own.
  return isUsed ? [] : [finding("advice", holder, `it holds ${nodes}, and no frontend uses it: remove it`)];
}

function unknownAddresses(holder: Section): readonly RoutingFinding[] {
  const server = serversOf(holder).find(({ address }) => address.includes("$") || /^(?:0\.0\.0\.0|\*)?:/.test(address));
  if (server === undefined) return [];
  const what = `the address ${server.address} is known at run time alone: see to it that it is none of Elasticsearch`;
  return [finding("advice", holder, what, server.line)];
}

function regionBackendFindings(
  backend: Section,
  region: RegionName,
  expected: RoutingExpectation,
): readonly RoutingFinding[] {
  const servers = serversOf(backend);
  const ofServers = servers.flatMap(({ line, address }) => {
    const served = regionServed(address, expected);
    if (served === region) return [];
    if (served !== null) {
      const what = `${address} is a node of ${served}, and would get requests by the ticket of ${region}`;
      return [finding("around", backend, what, line)];
    }
    const what = `${address} is no node of ${region} in the watchdog's configuration: no watchdog probes it`;
    return [finding("advice", backend, what, line)];
  });
  const missing = (expected.nodes[region] ?? []).filter(
    (node) => !servers.some(({ address }) => isSame(node, address, expected)),
  );
  const advice = [
    ...(missing.length === 0 ? [] : [`it lacks ${missing.join(", ")}`]),
    ...(everyServerHas("check", backend) ? [] : ["its servers are not checked: add `check` to default-server"]),
    ...(everyServerHas("shutdown-sessions", backend)
      ? []
      : ["connections to a dead node last until a timeout: add `on-marked-down shutdown-sessions` to default-server"]),
    ...(hasLine(backend, `http-response set-header es-failover-region ${region}`)
      ? []
      : [`canaries cannot tell which region answers: add \`http-response set-header es-failover-region ${region}\``]),
    ...(hasLine(backend, "timeout server")
      ? []
      : ["what was forwarded before a change has no bound: add `timeout server 60s`"]),
  ];
  return [...ofServers, ...advice.map((what) => finding("advice", backend, what))];
}

function everyServerHas(option: string, backend: Section): boolean {
  const defaults = backend.lines.filter(({ words: [first] }) => first === "default-server");
  const common = defaults.flatMap(({ words }) => words);
  return serversOf(backend).every(({ line: { words } }) => [...common, ...words].includes(option));
}

const hasLine = ({ lines }: Section, beginning: string): boolean =>
  lines.some(({ words }) => words.join(" ").startsWith(beginning));

export function missingBackend(region: RegionName, backends: readonly Section[]): readonly RoutingFinding[] {
  const name = backendOf(region);
  if (backends.some((backend) => backend.name === name)) return [];
  const what = "it is missing: `es-failover haproxy snippet` writes it";
  return [{ kind: "broken", where: `backend ${name}`, what }];
}
