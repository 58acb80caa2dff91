import { createServer } from "node:net";
import { reasonOf } from "../../util/files.ts";

/** A TCP address that a configuration listens on; `host` null means every address. */
export interface BindAddress {
  readonly host: string | null;
  readonly port: number;
}

/**
 * The TCP addresses in the `bind` lines of a configuration. Only plain `address:port` is recognized: unix sockets, port
 * ranges, inherited descriptors and variables are left out.
 */
export function bindAddresses(configuration: string): readonly BindAddress[] {
  return [...configuration.matchAll(/^[ \t]*bind[ \t]+(\S+)/gm)]
    .flatMap((match) => (match[1] ?? "").split(","))
    .flatMap((address) => {
      const [, host, port] = /^(?:ipv[46]@)?(\[[0-9a-fA-F:.]+\]|[\w.-]*|\*|::):(\d+)$/.exec(address) ?? [];
      if (host === undefined || port === undefined) return [];
      const every = host === "" || host === "*" || host === "::";
      return [{ host: every ? null : host.replaceAll(/[[\]]/g, ""), port: Number(port) }];
    });
}

/**
 * Tries to listen on the addresses that `next` has and `present` lacks, which `haproxy -c` does not do. When a reload
 * finds an address in use, HAProxy 3.0 makes the old worker release all its listeners and retries for two seconds, during
 * which no client can connect.
 *
 * @returns a sentence for each unavailable address
 */
export async function unavailableBinds(next: string, present: string): Promise<readonly string[]> {
  const held = new Set(bindAddresses(present).map(({ port }) => port));
  const problems: string[] = [];
  // A port that HAProxy itself holds on any address cannot be tried, and is not in use by another process.
  for (const { host, port } of bindAddresses(next).filter((address) => !held.has(address.port))) {
    const reason = await listenError(host, port);
    if (reason !== null) problems.push(`bind ${host ?? "*"}:${port}: ${reason}`);
  }
  return problems;
}

function listenError(host: string | null, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(reasonOf(error)));
    server.listen({ port, ...(host === null ? {} : { host }), exclusive: true }, () =>
      server.close(() => resolve(null)),
    );
  });
}
