import { mkdtemp, readFile, rm } from "node:fs/promises";
import { Agent, request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type MetricsServer, serveMetrics } from "../../watchdog/metrics/server.ts";
import { type CertificateFiles, TestAuthority } from "./support/certificates.ts";

const contentType = "text/plain; version=0.0.4; charset=utf-8";

describe("the metrics service", () => {
  let directory: string;
  let authority: TestAuthority;
  let own: CertificateFiles;
  let server: MetricsServer | undefined;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "es-failover-metrics-"));
    authority = await TestAuthority.create(directory);
    own = await authority.issue("watchdog");
  });
  afterEach(() => server?.close());
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const tls = async (clientCa: string | null) => ({
    cert: await readFile(own.certificate, "utf8"),
    key: await readFile(own.key, "utf8"),
    clientCa,
  });

  async function serve(parts: Partial<Parameters<typeof serveMetrics>[0]> = {}): Promise<string> {
    server = await serveMetrics({
      listen: "127.0.0.1:0",
      tls: null,
      contentType,
      text: async () => "up 1\n",
      ...parts,
    });
    return `127.0.0.1:${server.port}`;
  }

  /** The status of `GET /metrics` over TLS. @throws Error when the server refuses the connection */
  async function statusOverTls(address: string, client?: CertificateFiles): Promise<number | undefined> {
    const identity =
      client === undefined ? {} : { cert: await readFile(client.certificate), key: await readFile(client.key) };
    const agent = new Agent({ ca: await authority.ca(), ...identity });
    try {
      return await new Promise((resolve, reject) => {
        request(`https://${address}/metrics`, { agent }, (answer) => {
          answer.resume().once("end", () => resolve(answer.statusCode));
        })
          .once("error", reject)
          .end();
      });
    } finally {
      agent.destroy();
    }
  }

  test("answers GET /metrics in Prometheus' format, and nothing else", async () => {
    const address = await serve();
    const answer = await fetch(`http://${address}/metrics?name=up`);
    expect([answer.status, answer.headers.get("content-type"), await answer.text()]).toEqual([
      200,
      contentType,
      "up 1\n",
    ]);
    expect((await fetch(`http://${address}/`)).status).toBe(404);
    expect((await fetch(`http://${address}/metrics`, { method: "POST", body: "x" })).status).toBe(405);
  });

  test("answers 500 with the reason when the metrics cannot be computed, and goes on", async () => {
    let fails = true;
    const text = async () => {
      if (fails) throw new Error("no status yet");
      return "up 1\n";
    };
    const address = await serve({ text });
    const broken = await fetch(`http://${address}/metrics`);
    expect([broken.status, await broken.text()]).toEqual([500, "no status yet\n"]);
    fails = false;
    expect((await fetch(`http://${address}/metrics`)).status).toBe(200);
  });

  test("refuses a client without a certificate of the named CA", async () => {
    const address = await serve({ tls: await tls(await authority.ca()) });
    const stranger = await TestAuthority.create(directory, "stranger");
    expect(await statusOverTls(address, await authority.issue("prometheus"))).toBe(200);
    await expect(statusOverTls(address)).rejects.toThrow();
    await expect(statusOverTls(address, await stranger.issue("intruder"))).rejects.toThrow();
  });

  test("answers while a client holds connections without beginning TLS, and drops these", async () => {
    const address = await serve({ tls: await tls(null) });
    const port = Number(address.split(":")[1]);
    const silent = Array.from({ length: 8 }, () => connect(port, "127.0.0.1"));
    const dropped = silent.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    expect(await statusOverTls(address)).toBe(200);
    await Promise.all(dropped);
  }, 30_000);
});
