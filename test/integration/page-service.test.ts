import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { Agent, request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../lab/util/until.ts";
import type { Secrets } from "../../watchdog/config/files.ts";
import { byCertificate, byPassword, byProxy } from "../../watchdog/page/authentication.ts";
import { type PageServer, servePage } from "../../watchdog/page/server.ts";
import type { PageView } from "../../watchdog/page/view.ts";
import { LiveCell } from "../../watchdog/util/live.ts";
import { pageViews } from "../unit/support/page-views.ts";
import { type CertificateFiles, TestAuthority } from "./support/certificates.ts";
import { EventStream } from "./support/event-stream.ts";

let server: PageServer | undefined;
let shown: PageView;
let renders: number;

beforeEach(() => {
  shown = pageViews.calm;
  renders = 0;
});
afterEach(() => server?.close());

async function serve(parts: Partial<Parameters<typeof servePage>[0]> = {}): Promise<string> {
  server = await servePage({
    listen: "127.0.0.1:0",
    tls: null,
    authenticate: byProxy([]),
    view: async () => {
      renders += 1;
      return shown;
    },
    version: "1.2.3",
    limits: { intervalMs: 20 },
    ...parts,
  });
  return `http://127.0.0.1:${server.port}`;
}

describe("the status page's service", () => {
  test("serves the page, the same as JSON, and what the page loads, and nothing else", async () => {
    const url = await serve();
    const page = await fetch(url);
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(await page.text()).toContain("gra serves since 2030-01-01 11:00:00 UTC; its loss is covered.");
    const json = await fetch(`${url}/status.json`);
    expect(await json.json()).toEqual(JSON.parse(JSON.stringify(shown.status)));
    const types = await Promise.all(
      ["/page.css", "/page.js", "/icon.svg"].map(async (name) => (await fetch(url + name)).headers.get("content-type")),
    );
    expect(types).toEqual(["text/css; charset=utf-8", "text/javascript; charset=utf-8", "image/svg+xml"]);
    expect((await fetch(`${url}/../etc/passwd`)).status).toBe(404);
  });

  test("changes nothing: it refuses every method but GET and HEAD", async () => {
    const url = await serve();
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const answer = await fetch(url, { method });
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    }
    for (const what of ["/", "/status.json", "/page.css", "/events"]) {
      const head = await fetch(url + what, { method: "HEAD" });
      expect([head.status, await head.text()]).toEqual([200, ""]);
    }
  });

  test("allows browsers nothing but what the page needs, and no store of what it shows", async () => {
    const url = await serve();
    for (const what of ["/", "/status.json", "/page.css", "/nothing"]) {
      const { headers } = await fetch(url + what);
      expect(headers.get("content-security-policy")).toMatch(
        /^default-src 'none'; style-src 'self'; script-src 'self'; .*frame-ancestors 'none'; base-uri 'none'; form-action 'none'$/,
      );
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("access-control-allow-origin")).toBeNull();
      if (what !== "/page.css") expect(headers.get("cache-control")).toBe("no-store");
    }
  });

  test("answers 304 for a script that the browser has already", async () => {
    const url = await serve();
    const first = await fetch(`${url}/page.js`);
    const again = await fetch(`${url}/page.js`, { headers: { "if-none-match": first.headers.get("etag") ?? "" } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  test("answers 500 with the reason while there is no status", async () => {
    const url = await serve({ view: () => Promise.reject(new Error("not started")) });
    const answer = await fetch(url);
    expect([answer.status, await answer.text()]).toEqual([500, "not started\n"]);
  });
});

describe("live updates", () => {
  test("send every part at first, then what has changed, and something all the time", async () => {
    const url = await serve();
    const stream = await EventStream.open(`${url}/events`);
    const first = await stream.next();
    expect(Object.keys(first.sections)).toEqual(expect.arrayContaining(["headline", "change", "history"]));
    expect((await stream.next()).sections).toEqual({});
    shown = pageViews.promoting;
    const changed = await stream.until(({ sections }) => "headline" in sections);
    expect(changed.title).toBe("Failover under way: no region serves (bhs-haproxy-1)");
    expect(changed.sections["headline"]).toContain("bhs is being promoted");
    expect(Object.keys(changed.sections)).not.toContain("history");
    stream.close();
  });

  test("do not look at the status while nobody watches", async () => {
    const url = await serve();
    const stream = await EventStream.open(`${url}/events`);
    await stream.next();
    stream.close();
    // Two clients in a row: the first one's end is known by the time that the second one's is.
    const second = await EventStream.open(`${url}/events`);
    await second.next();
    second.close();
    let before = -1;
    await until("the service looks no more", 10_000, async () => {
      const was = before;
      before = renders;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return was === renders;
    });
  });

  test("are refused beyond a bound of clients, and the page is not", async () => {
    const url = await serve({ limits: { intervalMs: 20, clients: 2 } });
    const streams = [await EventStream.open(`${url}/events`), await EventStream.open(`${url}/events`)];
    const refused = await fetch(`${url}/events`);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "10"]);
    expect((await fetch(url)).status).toBe(200);
    streams[0]?.close();
    await until("another client has its place", 10_000, async () => {
      const answer = await fetch(`${url}/events`);
      await answer.body?.cancel();
      return answer.status === 200;
    });
    streams[1]?.close();
  });

  test("drop a client that reads nothing, and go on for the others", async () => {
    let n = 0;
    // Each look has another history, so that much is sent.
    const view = async () => {
      n += 1;
      const entry = { atMs: n, epoch: 1, rule: `rule-${n}`, watchdog: "w", explanation: "x".repeat(500_000) };
      return { ...pageViews.calm, history: { value: [entry], error: null } };
    };
    const url = await serve({ view, limits: { intervalMs: 20, bufferedBytes: 100_000 } });
    const slow = connect(Number(new URL(url).port), "127.0.0.1");
    await once(slow, "connect");
    slow.pause();
    slow.write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    slow.on("error", () => {});
    const stream = await EventStream.open(`${url}/events`);
    const { title } = await stream.next();
    await until("the slow client is dropped", 20_000, async () => {
      await stream.next();
      // A paused socket learns of its end by a write alone.
      slow.write("\r\n");
      return slow.destroyed;
    });
    expect((await stream.next()).title).toBe(title);
    stream.close();
  }, 60_000);

  test("send no status that there is not, so that the page shows its age", async () => {
    let fails = false;
    const view = async () => {
      if (fails) throw new Error("no status");
      return pageViews.calm;
    };
    const url = await serve({ view });
    const stream = await EventStream.open(`${url}/events`);
    await stream.next();
    fails = true;
    await stream.comment();
    fails = false;
    expect((await stream.next()).title).toContain("gra serves");
    stream.close();
  });

  test("end when the watchdog does", async () => {
    const url = await serve();
    const stream = await EventStream.open(`${url}/events`);
    await stream.next();
    await server?.close();
    await expect(stream.until(() => false)).rejects.toThrow();
  });
});

describe("readers", () => {
  let directory: string;
  let authority: TestAuthority;
  let own: CertificateFiles;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "es-failover-page-"));
    authority = await TestAuthority.create(directory);
    own = await authority.issue("watchdog");
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const tls = async (clientCa: string | null) => ({
    cert: await readFile(own.certificate, "utf8"),
    key: await readFile(own.key, "utf8"),
    clientCa,
  });

  /** The status of `GET /` over TLS. @throws Error when the server refuses the connection */
  async function statusOverTls(what: string, headers: Record<string, string> = {}, client?: CertificateFiles) {
    const identity =
      client === undefined ? {} : { cert: await readFile(client.certificate), key: await readFile(client.key) };
    const agent = new Agent({ ca: await authority.ca(), ...identity });
    try {
      return await new Promise((resolve, reject) => {
        request(what, { agent, headers }, (answer) => {
          answer.resume().once("end", () => resolve(answer.statusCode));
        })
          .once("error", reject)
          .end();
      });
    } finally {
      agent.destroy();
    }
  }

  test("show a certificate of the named CA, or are refused in the handshake", async () => {
    const url = (await serve({ tls: await tls(await authority.ca()), authenticate: byCertificate })).replace(
      "http",
      "https",
    );
    const stranger = await TestAuthority.create(directory, "stranger");
    expect(await statusOverTls(url, {}, await authority.issue("ana"))).toBe(200);
    await expect(statusOverTls(url)).rejects.toThrow();
    await expect(statusOverTls(url, {}, await stranger.issue("intruder"))).rejects.toThrow();
  });

  test("give the password for every part of the page, over TLS, until too many are wrong", async () => {
    const passwords = new LiveCell<Secrets>(["correct horse"]);
    const authenticate = byPassword("operator", passwords, { monotonicMs: () => performance.now() });
    const url = (await serve({ tls: await tls(null), authenticate })).replace("http", "https");
    const right = { authorization: `Basic ${Buffer.from("operator:correct horse").toString("base64")}` };
    const wrong = { authorization: `Basic ${Buffer.from("operator:guess").toString("base64")}` };
    for (const what of ["/", "/status.json", "/events", "/page.css", "/nothing"]) {
      expect(await statusOverTls(url + what)).toBe(401);
    }
    expect(await statusOverTls(url, right)).toBe(200);
    for (let attempt = 0; attempt < 5; attempt += 1) expect(await statusOverTls(url, wrong)).toBe(401);
    expect(await statusOverTls(url, right)).toBe(429);
  });

  test("come through a proxy by a name of this host, and by no name of a website", async () => {
    const url = await serve({ authenticate: byProxy(["status.example.org"]) });
    const statusAs = (host: string) =>
      new Promise((resolve, reject) => {
        const socket = connect(Number(new URL(url).port), "127.0.0.1", () => {
          socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
        });
        socket.once("data", (data) => resolve(Number(data.toString().split(" ")[1])));
        socket.once("error", reject);
      });
    expect(await Promise.all(["localhost", "status.example.org", "evil.example"].map(statusAs))).toEqual([
      200, 200, 403,
    ]);
  });
});
