import { mkdtemp, rm } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { createServer as createHttpsServer, request } from "node:https";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../lab/util/free-ports.ts";
import { until } from "../../lab/util/until.ts";
import { failsafePeers } from "../../watchdog/adapters/failsafe/client.ts";
import { type FailsafeServer, serveFailsafe } from "../../watchdog/adapters/failsafe/server.ts";
import type { FailsafeTls } from "../../watchdog/adapters/failsafe/tls.ts";
import type { FailsafeAnswer, FailsafeQuestion } from "../../watchdog/core/failsafe.ts";
import { readTls, TestAuthority } from "./support/certificates.ts";

describe("failsafe questions between watchdogs", () => {
  const received: FailsafeQuestion[] = [];
  const answer: FailsafeAnswer = { agrees: true, watchdog: "bhs", active: "gra", known: ["gra", "bhs"] };
  const question = { watchdog: "gra", epoch: 4, validForMs: 10_000 };
  let directory: string;
  let tls: FailsafeTls;
  let stranger: FailsafeTls;
  let server: FailsafeServer;
  let url: string;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "es-failover-failsafe-"));
    const files = async (name: string) => {
      const authority = await TestAuthority.create(directory, name);
      const { certificate, key } = await authority.issue(`${name}-watchdog`);
      return { caFile: authority.caFile, certificateFile: certificate, keyFile: key };
    };
    tls = await readTls(await files("ours"));
    stranger = { ...(await readTls(await files("theirs"))), ca: tls.ca };
    server = await serveFailsafe({
      listen: "127.0.0.1:0",
      tls,
      answer: (asked) => {
        received.push(asked);
        return answer;
      },
    });
    url = `https://127.0.0.1:${server.port}`;
  });
  afterAll(async () => {
    await server?.close();
    await rm(directory, { recursive: true, force: true });
  });

  test("are answered over connections with certificates on both sides", async () => {
    const peers = failsafePeers(tls, 2_000);
    expect(await peers.ask(url, question)).toEqual(answer);
    expect(received.at(-1)).toEqual(question);
    peers.close();
  });

  test("are not taken from a client whose certificate is from another authority", async () => {
    const before = received.length;
    const peers = failsafePeers(stranger, 2_000);
    await expect(peers.ask(url, question)).rejects.toThrow(`127.0.0.1:${server.port}`);
    expect(received).toHaveLength(before);
    peers.close();
  });

  test("are not asked of a server whose certificate is from another authority", async () => {
    const other = await serveFailsafe({ listen: "127.0.0.1:0", tls: stranger, answer: () => answer });
    const peers = failsafePeers(tls, 2_000);
    await expect(peers.ask(`https://127.0.0.1:${other.port}`, question)).rejects.toThrow(/certificate/);
    peers.close();
    await other.close();
  });

  test("fail within their timeout when the peer is absent or does not answer", async () => {
    const unusedPort = await freePort();
    const peers = failsafePeers(tls, 300);
    await expect(peers.ask(`https://127.0.0.1:${unusedPort}`, question)).rejects.toThrow(/ECONNREFUSED|refused/);
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    await expect(peers.ask(`https://127.0.0.1:${port}`, question)).rejects.toThrow(/no answer within 300 ms/);
    peers.close();
    silent.close();
  });

  test("reuse a connection after a late answer", async () => {
    const connections: Socket[] = [];
    const held: ServerResponse[] = [];
    const slow = createHttpsServer(tls, (incoming, outgoing) => {
      if (connections.length === 0) held.push(outgoing);
      else outgoing.end(JSON.stringify(answer));
      connections.push(incoming.socket);
    });
    await new Promise<void>((resolve) => slow.listen(0, "127.0.0.1", resolve));
    const late = `https://127.0.0.1:${(slow.address() as AddressInfo).port}`;
    const peers = failsafePeers(tls, 300);
    await expect(peers.ask(late, question)).rejects.toThrow(/no answer within 300 ms/);
    held[0]?.end(JSON.stringify(answer));
    // Several at once, because the connection used last is used first.
    await until("a question comes over the first connection again", 5_000, async () => {
      await Promise.all(Array.from({ length: 4 }, () => peers.ask(late, question)));
      return connections.slice(-4).some((connection) => connection === connections[0]);
    });
    peers.close();
    slow.close();
  });

  test("are refused in any other form", async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const outgoing = request(`${url}/failsafe`, { ...tls, method: "POST" }, (incoming) => {
        incoming.resume();
        resolve(incoming.statusCode);
      });
      outgoing.on("error", reject);
      outgoing.end('{"watchdog":"gra"}');
    });
    expect(status).toBe(400);
  });
});
