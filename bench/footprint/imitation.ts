import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { createTestAuthority } from "../../lab/elasticsearch/certificates.ts";
import { answersOf, type Contents } from "./answers.ts";

/** What the watchdog and HAProxy connect to. */
export interface ImitatedRegion {
  readonly urls: readonly string[];
  /** PEM. */
  readonly ca: string;
}

export interface ImitatedPair {
  readonly gra: ImitatedRegion;
  readonly bhs: ImitatedRegion;
  readonly caFile: string;
  stop(): Promise<void>;
}

/**
 * Two regions that answer about thousands of indices like Elasticsearch, with the fields of its answers: real clusters would
 * need half an hour and ten gigabytes for them, and take the processor from what is measured.
 */
export async function imitatePair(directory: string, contents: Contents): Promise<ImitatedPair> {
  const authority = await createTestAuthority("es-failover imitated regions");
  const caFile = path.join(directory, "imitated-ca.crt");
  await writeFile(caFile, authority.certificate);
  const tls = await authority.issue("imitated", { ips: ["127.0.0.1"], hosts: [] });
  const gra = await serve(tls, answersOf("gra", contents));
  const bhs = await serve(tls, answersOf("bhs", contents));
  const region = ({ server }: Served): ImitatedRegion => ({
    urls: [`https://127.0.0.1:${(server.address() as AddressInfo).port}`],
    ca: authority.certificate,
  });
  const stop = async () => {
    await Promise.all([gra.close(), bhs.close()]);
  };
  return { gra: region(gra), bhs: region(bhs), caFile, stop };
}

interface Served {
  readonly server: Server;
  readonly close: () => Promise<void>;
}

async function serve(
  tls: { readonly certificate: string; readonly key: string },
  answers: (path: string) => unknown,
): Promise<Served> {
  const bodies = new Map<string, Buffer>();
  const bodyOf = (target: string, compressed: boolean): Buffer | null => {
    const key = `${compressed} ${target}`;
    const known = bodies.get(key);
    // At rest every answer stays the same, but how long ago the followers read.
    if (known !== undefined && target !== "/_ccr/stats") return known;
    const answer = answers(target);
    if (answer === undefined) return null;
    const text = Buffer.from(JSON.stringify(answer));
    const body = compressed ? gzipSync(text, { level: 3 }) : text;
    bodies.set(key, body);
    return body;
  };
  // Elasticsearch keeps unused connections open.
  const options = { cert: tls.certificate, key: tls.key, keepAliveTimeout: 0 };
  const server = createServer(options, (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "https://localhost");
    const compressed = String(request.headers["accept-encoding"]).includes("gzip");
    const body = request.method === "GET" ? bodyOf(decodeURIComponent(pathname), compressed) : null;
    if (body === null) console.log(`not imitated: ${request.method} ${request.url}`);
    response.writeHead(body === null ? 400 : 200, {
      "content-type": "application/json",
      "x-elastic-product": "Elasticsearch",
      ...(compressed && body !== null && { "content-encoding": "gzip" }),
    });
    response.end(body ?? '{"error":"not imitated"}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { server, close };
}
