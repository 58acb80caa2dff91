import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../lab/util/free-ports.ts";
import { eventually } from "../../lab/util/until.ts";
import { type ApplyOptions, applyHaproxyConfiguration } from "../../watchdog/adapters/haproxy/apply.ts";
import { createHaproxyRouter } from "../../watchdog/adapters/haproxy/router.ts";
import { sendCommand } from "../../watchdog/adapters/haproxy/runtime-api.ts";
import { HaproxyBench, haproxyCommand, haproxyMissing } from "./haproxy-process.ts";

const title = `HAProxy 3.0 as a router${haproxyMissing === undefined ? "" : ` (skipped: ${haproxyMissing})`}`;

describe.skipIf(haproxyMissing !== undefined)(title, () => {
  let bench: HaproxyBench;
  /** Each test uses epochs above those of the tests before it: the lowest epoch accepted outlives routers. */
  let epoch = 0;

  beforeAll(async () => {
    bench = await HaproxyBench.start();
  });
  afterAll(() => bench?.stop());

  const newRouter = () => createHaproxyRouter({ name: "hap-1", ...bench, timeoutMs: 5_000 });
  const ticketFor = (region: string, ms: number) => ({ epoch, region, validUntilMs: Date.now() + ms });
  const get = async (options: { path?: string; method?: string; dispatcher?: Agent } = {}) => {
    const dispatcher = options.dispatcher ?? new Agent();
    const url = `${bench.entry}${options.path ?? "/"}`;
    const method = options.method ?? "GET";
    const { statusCode, body } = await request(url, { method, dispatcher, signal: AbortSignal.timeout(5_000) });
    const answer = { status: statusCode, text: await body.text() };
    if (options.dispatcher === undefined) await dispatcher.close();
    return answer;
  };
  const servesRegion = (region: string) => async () => (await get()).text === region;

  test("a ticket opens its region alone, and expires by itself at its time", async () => {
    epoch += 1;
    const router = newRouter();
    await router.close(epoch, ["gra", "bhs"]);
    expect(await get()).toMatchObject({ status: 503, text: "closed" });
    await eventually("both servers are up", 15_000, async () => (await router.state()).servers.every(({ up }) => up));

    const ticket = ticketFor("gra", 1_500);
    await router.issueTicket(ticket);
    expect(await get()).toMatchObject({ status: 200, text: "gra" });
    expect((await router.state()).tickets).toEqual([{ region: "gra", validUntilMs: ticket.validUntilMs }]);
    expect((await router.state()).servers).toContainEqual({ region: "bhs", name: "bhs-es-1", up: true });

    let lastServedMs = 0;
    await eventually("the ticket runs out", 15_000, async () => {
      const sentAtMs = Date.now();
      const { status } = await get();
      if (status === 200) lastServedMs = sentAtMs;
      return status === 503;
    });
    expect(lastServedMs).toBeLessThan(ticket.validUntilMs);
    expect(Date.now()).toBeGreaterThanOrEqual(ticket.validUntilMs);

    await router.issueTicket(ticketFor("bhs", 60_000));
    expect(await get()).toMatchObject({ status: 200, text: "bhs" });
  });

  test("notes when each region acknowledged writes, from the first one after another region's", async () => {
    const router = newRouter();
    const openTo = async (region: string) => {
      epoch += 1;
      await router.issueTicket(ticketFor(region, 60_000));
      await eventually(`requests go to ${region}`, 15_000, servesRegion(region));
    };
    /** Sends a request that HAProxy answers within the returned times. */
    const send = async (method: string, path: string) => {
      const fromMs = Date.now();
      await get({ method, path });
      return { fromMs, toMs: Date.now() };
    };
    const writesOf = async (region: string) =>
      (await router.state()).writes.find((candidate) => candidate.region === region);
    const during = (atMs: number | undefined, { fromMs, toMs }: { fromMs: number; toMs: number }) => {
      expect(atMs).toBeGreaterThanOrEqual(fromMs);
      expect(atMs).toBeLessThanOrEqual(toMs);
    };

    await openTo("gra");
    await send("GET", "/orders/_doc/1");
    await send("POST", "/orders/_search");
    await send("POST", "/refused/_doc");
    expect((await router.state()).writes).toEqual([]);

    const first = await send("POST", "/orders/_doc");
    const last = await send("POST", "/_bulk");
    during((await writesOf("gra"))?.firstAtMs, first);
    during((await writesOf("gra"))?.lastAtMs, last);

    await openTo("bhs");
    const firstOfBhs = await send("PUT", "/orders/_doc/2");
    await send("DELETE", "/orders/_doc/2");
    during((await writesOf("bhs"))?.firstAtMs, firstOfBhs);
    during((await writesOf("gra"))?.lastAtMs, last);

    await openTo("gra");
    const again = await send("POST", "/orders/_update/1");
    during((await writesOf("gra"))?.firstAtMs, again);
  });

  test("a past epoch opens nothing, even after a restart of the watchdog", async () => {
    epoch += 5;
    const router = newRouter();
    await router.close(epoch, ["gra"]);
    await expect(router.issueTicket({ ...ticketFor("gra", 60_000), epoch: epoch - 1 })).rejects.toThrow(
      /epoch .* is outdated/,
    );
    await expect(newRouter().issueTicket({ ...ticketFor("gra", 60_000), epoch: epoch - 1 })).rejects.toThrow(
      /is outdated/,
    );
    await expect(newRouter().close(epoch - 1, ["gra"])).rejects.toThrow(/is outdated/);
    expect((await get()).status).toBe(503);
  });

  test("a ticket survives a reload of HAProxy by its file, and a closed router stays closed over a reload", async () => {
    epoch += 1;
    const router = newRouter();
    await router.issueTicket(ticketFor("gra", 60_000));
    expect(await sendCommand(bench.masterSocket, "reload", 10_000)).toContain("Success=1");
    expect(await get()).toMatchObject({ status: 200, text: "gra" });

    await router.close(epoch, ["gra"]);
    expect(await readFile(bench.ticketMapFile, "utf8")).toBe("");
    expect(await sendCommand(bench.masterSocket, "reload", 10_000)).toContain("Success=1");
    expect((await get()).status).toBe(503);
  });

  test("the file on disk never holds a later ticket than HAProxy's own map", async () => {
    epoch += 1;
    const router = newRouter();
    const fileHolds = async () => {
      const lines = (await readFile(bench.ticketMapFile, "utf8")).split("\n").filter((line) => line !== "");
      return new Map(lines.map((line) => line.split(" ") as [string, string]));
    };
    let changing = true;
    const watching = (async () => {
      while (changing) {
        const onDisk = await fileHolds();
        const tickets = (await router.state()).tickets;
        for (const [region, until] of onDisk) {
          const inMap = tickets.find((ticket) => ticket.region === region)?.validUntilMs ?? 0;
          // The router may close between the two reads; then a second read finds the file closed as well.
          if (inMap < Number(until)) expect((await fileHolds()).get(region)).not.toBe(until);
        }
      }
    })();
    for (const region of ["gra", "gra", "bhs", "gra", "bhs", "bhs"]) {
      await router.issueTicket(ticketFor(region, 60_000));
      if (region === "bhs") await router.close(epoch, ["gra", "bhs"]);
    }
    changing = false;
    await watching;
  });

  test("a HAProxy that thaws after its ticket expired answers 503 to a request that waited", async () => {
    epoch += 1;
    const router = newRouter();
    await eventually("both servers are up", 15_000, async () => (await router.state()).servers.every(({ up }) => up));
    const ticket = ticketFor("gra", 700);
    await router.issueTicket(ticket);
    const worker = await bench.worker();
    if (worker === null) throw new Error("HAProxy has no worker");
    process.kill(worker, "SIGSTOP");
    await eventually("HAProxy has stopped", 5_000, async () => {
      return /^State:\s+T/m.test(await readFile(`/proc/${worker}/status`, "utf8"));
    });
    const waiting = get();
    try {
      await eventually("the ticket has expired", 15_000, () => Date.now() > ticket.validUntilMs);
    } finally {
      process.kill(worker, "SIGCONT");
    }
    expect((await waiting).status).toBe(503);
  });

  test("closing cuts requests in progress, also those of a worker from before a reload", async () => {
    epoch += 1;
    const router = newRouter();
    await router.issueTicket(ticketFor("gra", 60_000));
    await eventually("gra is served", 15_000, servesRegion("gra"));
    const start = async () => {
      const { body } = await request(`${bench.entry}/slow`, { dispatcher: new Agent() });
      const text = body.text();
      text.catch(() => {});
      return { text };
    };
    const throughOldWorker = await start();
    expect(await sendCommand(bench.masterSocket, "reload", 10_000)).toContain("Success=1");
    expect(await bench.oldWorkers()).not.toHaveLength(0);
    await eventually("gra is served by the new worker", 15_000, servesRegion("gra"));
    const throughNewWorker = await start();

    await router.close(epoch, ["gra"]);
    await expect(throughOldWorker.text).rejects.toThrow();
    await expect(throughNewWorker.text).rejects.toThrow();
    expect((await get()).status).toBe(503);
  });

  test("a kept-alive connection from before a reload finds the router closed", async () => {
    epoch += 1;
    const router = newRouter();
    await router.issueTicket(ticketFor("gra", 60_000));
    await eventually("gra is served", 15_000, servesRegion("gra"));
    const oneConnection = new Agent({ connections: 1, pipelining: 1 });
    expect(await get({ dispatcher: oneConnection })).toMatchObject({ text: "gra" });
    expect(await sendCommand(bench.masterSocket, "reload", 10_000)).toContain("Success=1");
    await router.close(epoch, ["gra"]);
    expect((await get({ dispatcher: oneConnection })).status).toBe(503);
    await oneConnection.close();
  });

  test("a HAProxy that is not running cannot be closed or opened, and the error names its socket", async () => {
    epoch += 1;
    await newRouter().issueTicket(ticketFor("gra", 60_000));
    await bench.stopHaproxy();
    try {
      await expect(newRouter().close(epoch, ["gra"])).rejects.toThrow(new RegExp(`${bench.masterSocket}.*not running`));
      await expect(newRouter().issueTicket(ticketFor("gra", 1_000))).rejects.toThrow(bench.adminSocket);
    } finally {
      await bench.startHaproxy();
    }
    // The file was emptied before HAProxy was asked, so a restarted HAProxy is closed.
    expect((await get()).status).toBe(503);
  });

  describe("a new configuration", () => {
    const apply = async (content: string, more: Partial<ApplyOptions> = {}) => {
      const newFile = path.join(bench.directory, "new.cfg");
      await writeFile(newFile, content);
      return applyHaproxyConfiguration({ newFile, ...bench, haproxyCommand, ...more });
    };
    const present = () => readFile(bench.configFile, "utf8");

    /** Sends requests one after the other until stopped, and counts the answers other than 200. */
    const traffic = () => {
      let sent = 0;
      const failures: string[] = [];
      let going = true;
      const done = (async () => {
        while (going) {
          sent += 1;
          await get().then(
            ({ status }) => status === 200 || failures.push(`status ${status}`),
            (error: unknown) => failures.push(String(error)),
          );
        }
      })();
      return {
        stop: async () => {
          going = false;
          await done;
          return { sent, failures };
        },
        sent: () => sent,
      };
    };

    test("is applied without a failed request, and once only", async () => {
      epoch += 1;
      const router = newRouter();
      await router.issueTicket(ticketFor("gra", 60_000));
      await eventually("gra is served", 15_000, servesRegion("gra"));
      const requests = traffic();
      const worker = await bench.worker();
      expect(await apply(bench.configuration("  maxconn 1000"))).toBe("reloaded");
      expect(await bench.worker()).not.toBe(worker);
      await eventually("requests continued", 15_000, () => requests.sent() > 20);
      expect((await requests.stop()).failures).toEqual([]);
      expect(await present()).toContain("maxconn 1000");
      expect(await readFile(`${bench.configFile}.previous`, "utf8")).not.toContain("maxconn 1000");
      expect(await apply(bench.configuration("  maxconn 1000"))).toBe("unchanged");
    });

    test("that HAProxy refuses is not installed, and the error has HAProxy's message", async () => {
      const before = await present();
      const worker = await bench.worker();
      await expect(apply(bench.configuration("  no-such-keyword"))).rejects.toThrow(/new\.cfg.*\n?.*no-such-keyword/s);
      expect(await present()).toBe(before);
      expect(await bench.worker()).toBe(worker);
    });

    test("that passes the check but cannot start is rolled back without a failed request", async () => {
      epoch += 1;
      await newRouter().issueTicket(ticketFor("gra", 60_000));
      await eventually("gra is served", 15_000, servesRegion("gra"));
      const before = await present();
      const requests = traffic();
      await expect(apply(bench.configuration("  stats socket /tmp/no-such-directory/x.sock"))).rejects.toThrow(
        /no-such-directory.*The old one is restored in .*, and HAProxy runs with it/s,
      );
      await eventually("requests continued", 15_000, () => requests.sent() > 20);
      expect((await requests.stop()).failures).toEqual([]);
      expect(await present()).toBe(before);
      expect(await readdir(bench.directory)).not.toContain("haproxy.cfg.rollback");
    });

    test("with a port that another program listens on is refused before a request fails", async () => {
      const taken = createServer();
      const port = await freePort();
      await new Promise<void>((resolve) => taken.listen(port, "127.0.0.1", resolve));
      const worker = await bench.worker();
      const content = `${bench.configuration()}\nfrontend taken\n  bind 127.0.0.1:${port}\n  default_backend closed\n`;
      await expect(apply(content)).rejects.toThrow(`bind 127.0.0.1:${port}`);
      expect(await bench.worker()).toBe(worker);
      taken.close();
    });

    test("whose apply was interrupted before the reload is completed by the next one", async () => {
      const before = await present();
      const content = bench.configuration("  maxconn 1234");
      await writeFile(`${bench.configFile}.rollback`, before);
      await writeFile(bench.configFile, content);
      expect(await apply(content)).toBe("reloaded");
      expect(await sendCommand(bench.adminSocket, "show info", 1_000)).toContain("Maxconn: 1234");
      expect(await readFile(`${bench.configFile}.previous`, "utf8")).toBe(before);
    });

    test("is installed while HAProxy does not run yet", async () => {
      await bench.stopHaproxy();
      try {
        expect(await apply(bench.configuration("  maxconn 777"))).toBe("installed");
      } finally {
        await bench.startHaproxy();
      }
      expect(await sendCommand(bench.adminSocket, "show info", 1_000)).toContain("Maxconn: 777");
    });

    test("two at a time are applied one after the other", async () => {
      const [first, second] = [bench.configuration("  maxconn 801"), bench.configuration("  maxconn 802")];
      const write = async (name: string, content: string) => {
        const newFile = path.join(bench.directory, name);
        await writeFile(newFile, content);
        return applyHaproxyConfiguration({ newFile, ...bench, haproxyCommand });
      };
      expect(await Promise.all([write("one.cfg", first), write("two.cfg", second)])).toEqual(["reloaded", "reloaded"]);
      const served = await sendCommand(bench.adminSocket, "show info", 1_000);
      const maxconn = /maxconn (\d+)/.exec(await present())?.[1];
      expect(served).toContain(`Maxconn: ${maxconn}`);
    });
  });
});
