import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { type ConfigurationFile, readConfiguration } from "./configuration.ts";
import { type RoutingExpectation, serversOf } from "./finding.ts";

/** The addresses of all names among the nodes and the servers, as this host resolves them now. A name without any has none. */
export async function resolveNames(
  files: readonly ConfigurationFile[],
  nodes: RoutingExpectation["nodes"],
): Promise<(address: string) => readonly string[]> {
  const servers = readConfiguration(files).flatMap((section) => serversOf(section).map(({ address }) => address));
  const all = new Set([...Object.values(nodes).flat(), ...servers]);
  const resolved = new Map(await Promise.all([...all].map(async (each) => [each, await addressesOf(each)] as const)));
  return (address) => resolved.get(address) ?? [];
}

async function addressesOf(address: string): Promise<readonly string[]> {
  const [, host, port] = /^([a-z0-9._-]+):(\d+)$/i.exec(address) ?? [];
  if (host === undefined || port === undefined || isIP(host) !== 0) return [];
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.map(({ address: ip, family }) => (family === 6 ? `[${ip}]:${port}` : `${ip}:${port}`));
}
