import { mkdtemp, readFile, rm } from "node:fs/promises";
import { Agent, request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Acknowledgements } from "../../watchdog/applications/acknowledgements.ts";
import { EndpointActivity } from "../../watchdog/applications/endpoint/activity.ts";
import { type EndpointServer, serveEndpoint } from "../../watchdog/applications/endpoint/server.ts";
import type { EndpointState } from "../../watchdog/core/endpoint-state.ts";
import { TestAuthority } from "./support/certificates.ts";

const gra: EndpointState = { phase: "serving", epoch: 3, region: "gra", host: "10.81.0.10", port: 9200 };
const bhs: EndpointState = { phase: "serving", epoch: 5, region: "bhs", host: "10.82.0.10", port: 9200 };
const closing: EndpointState = { phase: "closing", epoch: 4 };

describe("the endpoint service", () => {
  let state: EndpointState;
  let running: boolean;
  let reads = 0;
  let acknowledgements: Acknowledgements;
  let activity: EndpointActivity;
  let server: EndpointServer;
  let url: string;

  beforeEach(async () => {
    state = gra;
    running = true;
    acknowledgements = new Acknowledgements();
    activity = new EndpointActivity();
    server = await serveEndpoint({
      listen: "127.0.0.1:0",
      tls: null,
      site: "gra",
      currentState: () => {
        reads += 1;
        return state;
      },
      isRunning: () => running,
      acknowledgements,
      activity,
      clock: { nowMs: () => 1_000 },
    });
    url = `http://127.0.0.1:${server.port}`;
  });
  afterEach(() => server.close());

  const ask = async (what: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${url}${what}`, { headers });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };

  test("answers with the endpoint as JSON, as host:port, as INI and as env", async () => {
    const { status, headers, text } = await ask("/v1/endpoint");
    expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(JSON.parse(text)).toEqual(gra);
    expect((await ask("/v1/endpoint?format=plain")).text).toBe("10.81.0.10:9200\n");
    expect((await ask("/v1/endpoint", { accept: "text/plain" })).text).toBe("10.81.0.10:9200\n");
    expect((await ask("/v1/endpoint?format=ini")).text).toBe(
      "[Elasticsearch]\nHost = 10.81.0.10\nPort = 9200\nRegion = gra\nEpoch = 3\n",
    );
    expect((await ask("/v1/endpoint?format=env")).text).toContain("ELASTICSEARCH_HOST=10.81.0.10\n");
  });

  test("counts what it is asked, and long polls while it holds them", async () => {
    const counts = () =>
      activity.requests.counts().map(({ labels: { request, outcome }, count }) => `${request} ${outcome} ${count}`);
    await ask("/v1/endpoint");
    await ask("/v1/endpoint?format=xml");
    await ask("/standby?region=gra");
    await ask("/favicon.ico");
    const report = { application: "orders", instance: "host1:1", epoch: 3 };
    const acknowledge = (body: string) => fetch(`${url}/v1/acknowledgement`, { method: "POST", body });
    await acknowledge(JSON.stringify(report));
    await acknowledge("{");
    const poll = ask("/v1/endpoint?wait=30s&epoch=3");
    await vi.waitUntil(() => activity.held === 1, { timeout: 10_000 });
    const leaving = new AbortController();
    const left = fetch(`${url}/v1/endpoint?wait=30s&epoch=3`, { signal: leaving.signal }).catch(() => "left");
    await vi.waitUntil(() => activity.held === 2, { timeout: 10_000 });
    leaving.abort();
    expect(await left).toBe("left");
    await vi.waitUntil(() => activity.held === 1, { timeout: 10_000 });
    state = bhs;
    expect((await poll).status).toBe(200);
    expect(activity.held).toBe(0);
    expect(counts()).toEqual([
      "endpoint answered 1",
      "endpoint rejected 1",
      "role unavailable 1",
      "unknown rejected 1",
      "acknowledgement answered 1",
      "acknowledgement rejected 1",
      "long-poll gone 1",
      "long-poll answered 1",
    ]);
  });

  test("answers 503 during a change, with the epoch and the time of the next try", async () => {
    state = closing;
    const { status, headers, text } = await ask("/v1/endpoint");
    expect([status, headers.get("retry-after")]).toEqual([503, "1"]);
    expect(JSON.parse(text)).toEqual(closing);
    expect((await ask("/v1/endpoint?format=ini")).text).toBe("[Elasticsearch]\nPhase = closing\nEpoch = 4\n");
  });

  test("answers 304 to a client that has the endpoint already, and never for a region that is gone", async () => {
    const tag = (await ask("/v1/endpoint")).headers.get("etag") ?? "";
    const again = await ask("/v1/endpoint", { "if-none-match": tag });
    expect([again.status, again.text]).toEqual([304, ""]);
    state = closing;
    const gone = await ask("/v1/endpoint", { "if-none-match": tag });
    expect(gone.status).toBe(503);
    expect((await ask("/v1/endpoint", { "if-none-match": gone.headers.get("etag") ?? "" })).status).toBe(503);
    state = bhs;
    expect((await ask("/v1/endpoint", { "if-none-match": tag })).status).toBe(200);
  });

  test("holds a long poll until the epoch changes", async () => {
    const held = ask("/v1/endpoint?wait=60s&epoch=3");
    // A client with an older epoch is answered meanwhile: the first is held because of its epoch, not by a busy service.
    expect((await ask("/v1/endpoint?wait=60s&epoch=2")).status).toBe(200);
    state = closing;
    const answer = await held;
    expect([answer.status, JSON.parse(answer.text)]).toEqual([503, closing]);
    const next = ask("/v1/endpoint?wait=60s&epoch=4");
    state = { phase: "promoting", epoch: 4 };
    state = bhs;
    expect(JSON.parse((await next).text)).toEqual(bhs);
  });

  test("ends a long poll with the current answer when its time is up, and at once on `unknown`", async () => {
    expect((await ask("/v1/endpoint?wait=100ms&epoch=3")).status).toBe(200);
    state = { phase: "unknown", epoch: 3 };
    const { status, text } = await ask("/v1/endpoint?wait=60s&epoch=3");
    expect([status, JSON.parse(text)]).toEqual([503, state]);
  });

  test("answers held polls when it closes", async () => {
    const held = ask("/v1/endpoint?wait=60s&epoch=3");
    const before = reads;
    // The poll is held once the service has read the state.
    while (reads === before) await new Promise((resolve) => setImmediate(resolve));
    await server.close();
    expect((await held).status).toBe(200);
  });

  test("reads the state periodically only while a poll is held", async () => {
    await ask("/v1/endpoint?wait=60ms&epoch=3");
    const before = reads;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(reads).toBe(before);
  });

  test("shows load balancers the role of this watchdog's region by the status code alone", async () => {
    const statuses = async () =>
      Promise.all(
        ["/active", "/standby", "/healthz", "/readyz", "/active?region=bhs"].map(
          async (what) => (await ask(what)).status,
        ),
      );
    expect(await statuses()).toEqual([200, 503, 200, 200, 503]);
    state = bhs;
    expect(await statuses()).toEqual([503, 200, 200, 200, 200]);
    state = closing;
    expect(await statuses()).toEqual([503, 503, 200, 503, 503]);
    running = false;
    state = gra;
    expect(await statuses()).toEqual([200, 503, 503, 503, 503]);
  });

  test("answers HEAD without a body, and refuses methods that change something", async () => {
    const head = await fetch(`${url}/v1/endpoint`, { method: "HEAD" });
    expect([head.status, await head.text(), Number(head.headers.get("content-length"))]).toEqual([
      200,
      "",
      (await ask("/v1/endpoint")).text.length,
    ]);
    expect((await fetch(`${url}/v1/endpoint`, { method: "PUT", body: "{}" })).status).toBe(405);
    expect((await ask("/v1/acknowledgement")).status).toBe(405);
    expect((await ask("/status")).status).toBe(404);
    expect((await ask("/v1/endpoint?format=xml")).text).toMatch(/none of json, plain, ini, env/);
  });

  test("takes an application's acknowledgement, and refuses a malformed one with the reason", async () => {
    const report = (body: string) =>
      fetch(`${url}/v1/acknowledgement`, { method: "POST", headers: { "content-type": "application/json" }, body });
    const good = { application: "orders", instance: "host1:4711", epoch: 3 };
    expect((await report(JSON.stringify(good))).status).toBe(204);
    expect(acknowledgements.all(1_000)).toEqual([
      { ...good, problem: null, confirmed: true, atMs: 1_000, sinceMs: 1_000 },
    ]);
    for (const [body, reason] of [
      [JSON.stringify({ ...good, epoch: "3" }), /epoch/],
      [JSON.stringify({ ...good, application: "two words" }), /application/],
      ["{", /not JSON/],
      [JSON.stringify({ ...good, problem: "x".repeat(5_000) }), /longer than 4096 bytes/],
    ] as const) {
      const response = await report(body);
      expect([response.status, await response.text()]).toEqual([400, expect.stringMatching(reason)]);
    }
    expect(acknowledgements.all(1_000)).toHaveLength(1);
    // A later version may add fields.
    const newer = JSON.stringify({ ...good, instance: "host2", confirmed: false, extra: 1 });
    expect((await report(newer)).status).toBe(204);
    expect(acknowledgements.all(1_000)).toMatchObject([
      { instance: "host1:4711" },
      { instance: "host2", confirmed: false },
    ]);
  });

  test("answers a client that sends the whole URL, as to a proxy", async () => {
    const answer = await raw(`GET ${url}/v1/endpoint HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*"region":"gra"/s);
  });

  test("ends a connection that sends no request", async () => {
    expect(await raw("")).toMatch(/^HTTP\/1\.1 408 /);
  }, 30_000);

  /** What the service sends until it ends the connection. */
  async function raw(request: string): Promise<string> {
    const socket = connect(server.port, "127.0.0.1").setEncoding("utf8");
    socket.write(request);
    let received = "";
    for await (const chunk of socket) received += chunk;
    return received;
  }
});

describe("the endpoint service over TLS", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "es-failover-endpoint-"));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  async function serveOverTls(authority: TestAuthority, more: { readonly maxConnectionsPerAddress?: number } = {}) {
    const files = await authority.issue("watchdog");
    return serveEndpoint({
      listen: "127.0.0.1:0",
      tls: { cert: await readFile(files.certificate, "utf8"), key: await readFile(files.key, "utf8") },
      site: "gra",
      currentState: () => gra,
      isRunning: () => true,
      acknowledgements: new Acknowledgements(),
      clock: { nowMs: () => 0 },
      ...more,
    });
  }

  test("shows its certificate, and asks its clients for none", async () => {
    const authority = await TestAuthority.create(directory);
    const server = await serveOverTls(authority);
    const get = (ca?: string) =>
      new Promise((resolve, reject) => {
        const agent = new Agent(ca === undefined ? {} : { ca });
        request({ host: "127.0.0.1", port: server.port, path: "/readyz", agent }, (incoming) => {
          incoming.resume();
          resolve(incoming.statusCode);
        })
          .on("error", reject)
          .end();
      });
    expect(await get(await authority.ca())).toBe(200);
    await expect(get()).rejects.toThrow(/certificate/);
    await server.close();
  });

  test("answers while one address holds as many connections as it may, and never begins TLS on them", async () => {
    const authority = await TestAuthority.create(directory);
    const server = await serveOverTls(authority, { maxConnectionsPerAddress: 20 });
    const ca = await authority.ca();
    const ask = (localAddress: string) =>
      new Promise((resolve) => {
        const agent = new Agent({ ca });
        request({ host: "127.0.0.1", port: server.port, path: "/readyz", agent, localAddress }, (incoming) => {
          incoming.resume();
          resolve(incoming.statusCode);
        })
          .on("error", () => resolve("refused"))
          .end();
      });
    const silent = Array.from({ length: 30 }, () => connect(server.port, "127.0.0.1").on("error", () => {}));
    const closed = () => silent.filter((socket) => socket.closed).length;
    for (const socket of silent) socket.resume();
    await vi.waitUntil(() => closed() === 10, { timeout: 10_000 });
    expect(await ask("127.0.0.1")).toBe("refused");
    expect(await ask("127.0.0.2")).toBe(200);
    // The rest is ended because it does not begin TLS.
    await vi.waitUntil(() => closed() === 30, { timeout: 20_000 });
    await vi.waitUntil(async () => (await ask("127.0.0.1")) === 200, { timeout: 10_000 });
    await server.close();
  }, 60_000);

  test("fails with the reason when its port is taken", async () => {
    const options = {
      tls: null,
      site: "gra",
      currentState: () => gra,
      isRunning: () => true,
      acknowledgements: new Acknowledgements(),
      clock: { nowMs: () => 0 },
    };
    const server = await serveEndpoint({ ...options, listen: "127.0.0.1:0" });
    const listen = `127.0.0.1:${server.port}`;
    await expect(serveEndpoint({ ...options, listen })).rejects.toThrow(`cannot listen on ${listen}`);
    await server.close();
  });
});
