import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../../lab/util/until.ts";
import { systemClock } from "../../watchdog/adapters/clock.ts";
import { Acknowledgements } from "../../watchdog/applications/acknowledgements.ts";
import { type EndpointServer, serveEndpoint } from "../../watchdog/applications/endpoint/server.ts";
import { Publisher } from "../../watchdog/applications/publisher/publisher.ts";
import { ChangedConcurrently, readCurrent, replaceFile } from "../../watchdog/applications/publisher/replace-file.ts";
import { ServiceSource } from "../../watchdog/applications/publisher/sources/service.ts";
import { PendingNotifications } from "../../watchdog/applications/publisher/targets/pending.ts";
import { type PublisherConfigInput, publisherSchema } from "../../watchdog/config/applications.ts";
import type { EndpointState } from "../../watchdog/core/endpoint-state.ts";
import { HttpClient } from "../../watchdog/util/http-client.ts";
import type { Logger } from "../../watchdog/util/logger.ts";
import { onSmallDisk } from "./support/small-disk.ts";

const run = promisify(execFile);
const gra = { phase: "serving", epoch: 1, region: "gra", host: "10.81.0.10", port: 9200 } as const;
const closing = { phase: "closing", epoch: 2 } as const;
const bhs = { phase: "serving", epoch: 3, region: "bhs", host: "10.82.0.10", port: 9200 } as const;

/** An endpoint service whose state the test sets. */
interface Service {
  state: EndpointState;
  readonly url: string;
  readonly acknowledgements: Acknowledgements;
  readonly server: EndpointServer;
}

let directory: string;
let service: Service;
const services: Service[] = [];
const publishers: (() => Promise<void>)[] = [];
const programs: ChildProcess[] = [];
let logged: { readonly level: string; readonly message: string }[];

const file = (name: string) => path.join(directory, name);

async function startService(state: EndpointState, port = 0): Promise<Service> {
  const acknowledgements = new Acknowledgements();
  const started: { state: EndpointState } = { state };
  const server = await serveEndpoint({
    listen: `127.0.0.1:${port}`,
    tls: null,
    site: "gra",
    currentState: () => started.state,
    isRunning: () => true,
    acknowledgements,
    clock: systemClock,
  });
  const made = Object.assign(started, { url: `http://127.0.0.1:${server.port}`, acknowledgements, server });
  services.push(made);
  return made;
}

/** A publisher on these services, with short intervals so that tests need not wait. */
async function publish(input: Partial<PublisherConfigInput>, urls = [service.url]) {
  const config = publisherSchema.parse({
    source: { kind: "service", urls },
    quiescence: { minMs: 20, maxMs: 200 },
    checkIntervalMs: 50,
    retryMaxMs: 100,
    instance: "host1",
    ...input,
  });
  const say =
    (level: string) =>
    (_: unknown, message: string): void => {
      logged.push({ level, message });
    };
  const log: Logger = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
  const client = new HttpClient({ ca: null });
  const publisher = new Publisher({
    config,
    instance: config.instance ?? "",
    source: new ServiceSource(urls, { client, clock: systemClock, log }),
    keys: [],
    notifications: await PendingNotifications.open(file("state"), (sentence) =>
      log.warn({ event: "notified-error" }, sentence),
    ),
    acknowledge: { urls: config.acknowledgeTo ?? urls, client },
    clock: systemClock,
    log,
  });
  const stop = new AbortController();
  const ended = publisher.run(stop.signal);
  const end = async () => {
    stop.abort();
    await ended;
    client.close();
  };
  publishers.push(end);
  return { publisher, end };
}

const target = ({ publisher }: Awaited<ReturnType<typeof publish>>, position = 0) => {
  const found = publisher.status().targets[position];
  if (found === undefined) throw new Error("no such target");
  return found;
};

async function startProgram(onSighup: "reads" | "ignores" | "nothing"): Promise<ChildProcess> {
  const child = onSighup === "ignores" ? await startDeaf() : startNode(onSighup);
  programs.push(child);
  await eventually(
    "the program has written its PID file",
    15_000,
    async () => Number(await readFile(file("app.pid"), "utf8")) === child.pid,
  );
  return child;
}

function startNode(onSighup: "reads" | "nothing"): ChildProcess {
  const script = path.join(import.meta.dirname, "support", "application.mjs");
  const args = [script, onSighup, file("app.ini"), file("app.pid"), file("journal")];
  return spawn("setpriv", ["--pdeathsig", "KILL", process.execPath, ...args], { stdio: "ignore" });
}

/** A shell named after its script, because Node resets every signal handler at its start. */
async function startDeaf(): Promise<ChildProcess> {
  const script = file("orders");
  await writeFile(script, `#!/bin/sh\ntrap "" HUP\necho $$ > ${file("app.pid")}\nread forever\n`, { mode: 0o755 });
  return spawn("setpriv", ["--pdeathsig", "KILL", script], { stdio: ["pipe", "ignore", "ignore"] });
}

const journal = () => readFile(file("journal"), "utf8").catch(() => "");
const text = (name = "app.ini") => readFile(file(name), "utf8");
const contains = (epoch: number, name = "app.ini") =>
  eventually(`${name} has epoch ${epoch}`, 15_000, async () => (await text(name)).includes(`Epoch = ${epoch}\n`));

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-publisher-"));
  logged = [];
  service = await startService(gra);
});
afterEach(async () => {
  for (const end of publishers.splice(0)) await end();
  for (const { server } of services.splice(0)) await server.close();
  for (const child of programs.splice(0)) child.kill("SIGKILL");
  await rm(directory, { recursive: true, force: true });
});

describe("an endpoint file", () => {
  test("names the region that serves, in each format, and the previous one while none serves", async () => {
    const files = ["ini", "env", "json"] as const;
    await publish({ files: files.map((format) => ({ path: file(`app.${format}`), format })) });
    await contains(1);
    service.state = closing;
    service.state = bhs;
    await contains(3);
    await eventually("env", 15_000, async () => (await text("app.env")).includes("ELASTICSEARCH_EPOCH=3\n"));
    await eventually("JSON", 15_000, async () => JSON.parse(await text("app.json")).elasticsearch.host === bhs.host);
    expect(await text()).toBe("[Elasticsearch]\nHost = 10.82.0.10\nPort = 9200\nRegion = bhs\nEpoch = 3\n");
    expect((await stat(file("app.ini"))).mode & 0o777).toBe(0o644);
  });

  test("names the previous region during a change", async () => {
    const running = await publish({ files: [{ path: file("app.ini") }] });
    await contains(1);
    const before = await text();
    service.state = closing;
    await eventually(
      "the publisher has received the change",
      15_000,
      () => running.publisher.status().state?.phase === "closing",
    );
    await eventually("the file has been checked", 15_000, () => target(running).summary.includes("is closing"));
    expect(await text()).toBe(before);
  });

  test("keeps mode, comments, foreign sections and a backup of its old content; a link stays a link", async () => {
    const real = file("real.ini");
    const before = "; mine\n[Database]\nHost = db1\n";
    await writeFile(real, before);
    await chmod(real, 0o600);
    await symlink(real, file("app.ini"));
    await publish({ files: [{ path: file("app.ini"), caPath: "/etc/ca.crt", create: true }] });
    await contains(1);
    expect(await text()).toBe(
      `${before}\n[Elasticsearch]\nHost = 10.81.0.10\nPort = 9200\nRegion = gra\nCaPath = /etc/ca.crt\nEpoch = 1\n`,
    );
    expect(await realpath(file("app.ini"))).toBe(real);
    expect((await stat(real)).mode & 0o777).toBe(0o600);
    expect(await readFile(`${real}.bak`, "utf8")).toBe(before);
    expect((await readdir(directory)).sort()).toEqual(["app.ini", "real.ini", "real.ini.bak", "state"]);
  });

  test("with a higher epoch is not changed, and the reason is reported", async () => {
    const before = "[Elasticsearch]\nHost = elsewhere\nPort = 1\nRegion = sbg\nEpoch = 9\n";
    await writeFile(file("app.ini"), before);
    const running = await publish({ files: [{ path: file("app.ini") }] });
    await eventually("it was tried more than once", 15_000, () => target(running).failures >= 2);
    expect(target(running).error).toMatch(/app\.ini has epoch 9, but epoch 1 is the newest known here/);
    expect(await text()).toBe(before);
    service.state = { ...bhs, epoch: 10 };
    await contains(10);
    await eventually("the error is gone", 15_000, () => target(running).error === null);
  });

  test("that was edited by hand is corrected, and additions stay", async () => {
    const running = await publish({ files: [{ path: file("app.ini") }] });
    await contains(1);
    // Saved as editors save: a file that is truncated first could be read while it is empty.
    await writeFile(
      file("edited"),
      (await text()).replace("10.81.0.10", "10.99.0.1").concat("; a note\n[New]\na = 1\n"),
    );
    await rename(file("edited"), file("app.ini"));
    await eventually("the host is restored", 15_000, async () => (await text()).includes("10.81.0.10"));
    expect(await text()).toContain("; a note\n[New]\na = 1\n");
    expect(logged).toContainEqual({
      level: "warn",
      message: expect.stringMatching(/edited by another program or person \(Host 10\.99/),
    });
    expect(target(running).error).toBeNull();
  });

  test("that is saved between its read and its replacement is read again instead of replaced", async () => {
    await writeFile(file("app.ini"), "[Elasticsearch]\nHost = a\n");
    const before = await readCurrent(file("app.ini"));
    await writeFile(file("app.ini"), "[Elasticsearch]\nHost = b\n");
    const replaced = replaceFile(before, "ours\n", { attributes: { mode: 0o644 }, backup: true });
    await expect(replaced).rejects.toThrow(ChangedConcurrently);
    expect(await text()).toBe("[Elasticsearch]\nHost = b\n");
    expect(await readdir(directory)).toEqual(["app.ini"]);
    await replaceFile(await readCurrent(file("app.ini")), "ours\n", { attributes: { mode: 0o644 }, backup: true });
    expect([await text(), await text("app.ini.bak")]).toEqual(["ours\n", "[Elasticsearch]\nHost = b\n"]);
  });

  test("in a missing folder, or in the place of a folder, is retried until it can be written", async () => {
    await mkdir(file("dir.ini"));
    const running = await publish({ files: [{ path: file("missing/app.ini") }, { path: file("dir.ini") }] });
    await eventually(
      "both have failed",
      15_000,
      () => target(running, 0).failures >= 2 && target(running, 1).failures >= 2,
    );
    expect(target(running, 0).error).toMatch(/missing\/app\.ini: the directory .*no such file or directory/);
    expect(target(running, 1).error).toMatch(/cannot read .*dir\.ini: is not a regular file/);
    await mkdir(file("missing"));
    await contains(1, "missing/app.ini");
    expect(logged.filter(({ message }) => message.includes("missing/app.ini: the directory"))).toHaveLength(1);
  });
});

describe("a file of another format", () => {
  test("is refused with the reason, left as it is, and written once it has the section", async () => {
    const rsyslog = 'action(type="omelasticsearch" server="10.99.0.1")\n';
    await writeFile(file("app.ini"), rsyslog);
    const running = await publish({ files: [{ path: file("app.ini") }] });
    await eventually("it was tried more than once", 15_000, () => target(running).failures >= 2);
    expect(target(running).error).toMatch(/app\.ini has no section \[Elasticsearch\]; .*: left unchanged$/);
    expect([await text(), await readdir(directory)]).toEqual([rsyslog, ["app.ini"]]);
    await writeFile(file("app.ini"), "[Elasticsearch]\n");
    await contains(1);
  });
});

describe("new content", () => {
  test("replaces a file only if the program that checks it accepts it", async () => {
    await writeFile(file("app.ini"), "[Elasticsearch]\nHost = old\n");
    await writeFile(
      file("check"),
      `#!/bin/sh\ncp "$2" ${file("checked")}\ntest -e ${file("good")} && exit\necho "bad $1"\nexit 3\n`,
    );
    await chmod(file("check"), 0o755);
    const validate = { command: [file("check"), "-N1", "{}"] as [string, ...string[]] };
    const running = await publish({ files: [{ path: file("app.ini"), validate }] });
    await eventually("it was tried more than once", 15_000, () => target(running).failures >= 2);
    expect(target(running).error).toMatch(/cannot write .*app\.ini: .*check ended with status 3: bad -N1$/);
    expect(await text()).toBe("[Elasticsearch]\nHost = old\n");
    expect(await text("checked")).toContain("Host = 10.81.0.10\n");
    expect((await readdir(directory)).filter((name) => name.startsWith("."))).toEqual([]);
    await writeFile(file("good"), "");
    await contains(1);
  });
});

describe("a file made from a template", () => {
  const templates = (more: object = {}) => [
    { source: file("app.liquid"), destination: file("app.conf"), mode: "0640", caPath: "/ca", ...more },
  ];
  const has = (part: string) =>
    eventually(`app.conf has ${part}`, 15_000, async () => (await text("app.conf").catch(() => "")).includes(part));

  test("follows the endpoint and its template, with the mode that is set", async () => {
    await writeFile(
      file("app.liquid"),
      "server \u00e4 {{ url }} {{ caPath }}{% if region == 'gra' %} home{% endif %}\n",
    );
    const running = await publish({ templates: templates() });
    await has("server \u00e4 https://10.81.0.10:9200 /ca home\n");
    expect((await stat(file("app.conf"))).mode & 0o777).toBe(0o640);
    service.state = { ...bhs, host: "2001:db8::10" };
    await has("server \u00e4 https://[2001:db8::10]:9200 /ca\n");
    await chmod(file("app.conf"), 0o600);
    await writeFile(file("app.liquid"), "{{ host }} {{ port }} {{ epoch }} {{ address }}\n");
    await has("2001:db8::10 9200 3 [2001:db8::10]:9200\n");
    expect((await stat(file("app.conf"))).mode & 0o777).toBe(0o640);
    await writeFile(file("app.conf"), "edited\n");
    await has("2001:db8::10 9200 3");
    expect(await text("app.conf.bak")).toBe("edited\n");
    expect(logged.some(({ message }) => message.includes("app.conf was edited by another program"))).toBe(true);
    expect(target(running).error).toBeNull();
  });

  test.each([
    ["names something unknown", "{{ hots }}\n", /cannot be made from .*app\.liquid: undefined variable: hots, line:1/],
    ["is not closed", "{% if region %}\n", /cannot be made from .*app\.liquid: .*not closed/],
    ["reads another file", "{% include '/etc/passwd' %}\n", /cannot be made from .*app\.liquid: .*ENOENT/],
    ["does not exist", null, /cannot be made: there is no template .*app\.liquid/],
  ])("whose template %s is refused, and stays as it is", async (_, template, reason) => {
    await writeFile(file("app.conf"), "before\n");
    if (template !== null) await writeFile(file("app.liquid"), template);
    const running = await publish({ templates: templates() });
    await eventually("refused", 15_000, () => target(running).error !== null);
    expect(target(running).error).toMatch(reason);
    expect(await text("app.conf")).toBe("before\n");
  });

  test("never returns to an older epoch, also after a restart, although it has none inside", async () => {
    await writeFile(file("app.liquid"), "{{ region }}\n");
    service.state = bhs;
    const first = await publish({ templates: templates() });
    await has("bhs");
    await first.end();
    service.state = gra;
    const second = await publish({ templates: templates() });
    await eventually("refused", 15_000, () => target(second).error !== null);
    expect(target(second).error).toMatch(/app\.conf has epoch 3, but epoch 1 is the newest known here/);
    expect(await text("app.conf")).toBe("bhs\n");
  });

  const isRoot = process.getuid?.() === 0;
  test.skipIf(!isRoot)(`has the owner that is set${isRoot ? "" : " (skipped: needs root)"}`, async () => {
    await writeFile(file("app.liquid"), "{{ region }}\n");
    await publish({ templates: templates({ owner: "nobody", group: "4321" }) });
    await has("gra");
    expect(await stat(file("app.conf"))).toMatchObject({ uid: 65_534, gid: 4_321 });
    const unknown = await publish({ templates: templates({ owner: "no-such-user" }) });
    await eventually("refused", 15_000, () => target(unknown).error !== null);
    expect(target(unknown).error).toMatch(/this host has no user no-such-user/);
  });
});

describe("a host", () => {
  test("that was offline during the change has the current endpoint once it is back", async () => {
    const running = await publish({ files: [{ path: file("app.ini") }] });
    await contains(1);
    const { port } = service.server;
    await service.server.close();
    await eventually(
      "the service does not answer",
      15_000,
      () => running.publisher.status().sources[0]?.error !== null,
    );
    expect(await text()).toContain("Epoch = 1\n");
    await startService(bhs, port);
    await contains(3);
  });

  test("whose publisher did not run during the change has the current endpoint once it runs, and its program is notified", async () => {
    await startProgram("reads");
    const files = [
      { path: file("app.ini"), notify: { kind: "pid-file", pidFile: file("app.pid"), processName: "orders" } },
    ] as const;
    const input = { files: [...files] } as Partial<PublisherConfigInput>;
    const first = await publish(input);
    await eventually("notified once", 15_000, async () => (await journal()) === "1\n");
    await first.end();
    service.state = bhs;
    await publish(input);
    await eventually("notified of the change", 15_000, async () => (await journal()) === "1\n3\n");
  });

  test("never returns to an older epoch when one of its services is behind, and follows the newest", async () => {
    const behind = await startService(gra);
    service.state = bhs;
    await publish({ files: [{ path: file("app.ini") }] }, [behind.url, service.url]);
    await contains(3);
    await service.server.close();
    behind.state = { ...gra, host: "10.81.0.99" };
    await eventually("the other service is gone", 15_000, () =>
      logged.some(({ message }) => message.includes("ECONNREFUSED")),
    );
    expect(await text()).toContain("Epoch = 3\n");
    behind.state = { ...bhs, epoch: 4 };
    await contains(4);
  });

  test("follows neither of two services that name different regions in one epoch, and reports it", async () => {
    const other = await startService({ ...gra, region: "bhs" });
    const running = await publish({ files: [{ path: file("app.ini") }] }, [service.url, other.url]);
    await eventually("the conflict is reported", 15_000, () => running.publisher.status().problem !== null);
    expect(running.publisher.status().problem).toMatch(/epoch 1 .*gra.*bhs/);
  });
});

describe("an application", () => {
  const byPidFile = (more: object = {}) => ({
    path: file("app.ini"),
    application: "orders",
    notify: { kind: "pid-file" as const, pidFile: file("app.pid"), processName: "orders", ...more },
  });
  const report = () => service.acknowledgements.all(Date.now())[0];

  test("that reads its file on SIGHUP is notified once per change, and its acknowledgement is passed on", async () => {
    await startProgram("reads");
    await publish({ files: [byPidFile({ executable: await realpath(process.execPath), processName: null })] });
    await eventually("notified", 15_000, async () => (await journal()) === "1\n");
    service.state = bhs;
    await eventually("notified of the change", 15_000, async () => (await journal()) === "1\n3\n");
    await eventually("acknowledged", 15_000, () => report()?.epoch === 3);
    // A signal that was delivered does not show that the program uses the epoch.
    expect(report()).toMatchObject({ application: "orders", instance: "host1", problem: null, confirmed: false });
    expect(await journal()).toBe("1\n3\n");
  });

  test("is reported to a watchdog of an older version, which refuses what it does not know", async () => {
    const bodies: string[] = [];
    const older = createServer((incoming, outgoing) => {
      let body = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      incoming.on("end", () => {
        bodies.push(body);
        outgoing.writeHead(body.includes("confirmed") ? 400 : 204).end();
      });
    });
    await new Promise<void>((resolve) => older.listen(0, "127.0.0.1", resolve));
    const port = (older.address() as AddressInfo).port;
    const files = [{ path: file("app.ini"), application: "orders" }];
    const running = await publish({ files, acknowledgeTo: [`http://127.0.0.1:${port}`] });
    await eventually("it has accepted the report", 15_000, () => bodies.some((body) => !body.includes("confirmed")));
    expect(JSON.parse(bodies.at(-1) ?? "")).toEqual({
      application: "orders",
      instance: "host1",
      epoch: 1,
      problem: null,
    });
    await running.end();
    older.close();
  });

  test("is reported as using an epoch only where its command confirms that", async () => {
    const notify = { kind: "command", command: ["/bin/true"] as [string, ...string[]] } as const;
    const files = (confirms: boolean) => [
      { path: file("app.ini"), application: "orders", notify: { ...notify, confirms } },
    ];
    const first = await publish({ files: files(false) });
    await eventually("notified", 15_000, () => target(first).notifiedEpoch === 1);
    await eventually("reported", 15_000, () => report()?.epoch === 1);
    expect([target(first).usedEpoch, report()?.confirmed]).toEqual([null, false]);
    await first.end();
    service.state = bhs;
    const second = await publish({ files: files(true) });
    await eventually("confirmed", 15_000, () => report()?.confirmed === true);
    expect([target(second).usedEpoch, report()?.epoch]).toEqual([3, 3]);
  });

  test.each([
    ["nothing", /has no handler for SIGHUP, which would end it/],
    ["ignores", /ignores SIGHUP; restart it/],
  ] as const)(
    "that %s on SIGHUP is not signalled; the file is current, and the status has the reason",
    async (kind, reason) => {
      const child = await startProgram(kind);
      const running = await publish({ files: [byPidFile()] });
      await contains(1);
      await eventually("it was tried more than once", 15_000, () => target(running).failures >= 2);
      expect(target(running).error).toMatch(reason);
      expect(target(running).error).toMatch(/not signalled/);
      expect([child.exitCode, child.signalCode]).toEqual([null, null]);
      await eventually("the watchdogs receive the report", 15_000, () => report() !== undefined);
      expect(report()).toMatchObject({ epoch: 0, problem: expect.stringMatching(reason) });
      expect(logged.filter(({ message }) => reason.test(message))).toHaveLength(1);
      // A program that handles the signal replaces it, and is notified without further action.
      child.kill("SIGKILL");
      await startProgram("reads");
      await eventually("the new one is notified", 15_000, async () => (await journal()) === "1\n");
      await eventually("acknowledged", 15_000, () => report()?.epoch === 1);
    },
  );

  test("is not confused with another process that its PID file names", async () => {
    const sleeper = spawn("sleep", ["600"], { stdio: "ignore" });
    programs.push(sleeper);
    await writeFile(file("app.pid"), `${sleeper.pid}\n`);
    const running = await publish({ files: [byPidFile()] });
    await eventually("refused", 15_000, () => target(running).error !== null);
    expect(target(running).error).toMatch(/is sleep, not orders; the PID file is out of date: not signalled/);
    expect(sleeper.signalCode).toBeNull();
    await writeFile(file("app.pid"), "1\n");
    await eventually(
      "PID 1 is refused",
      15_000,
      () => target(running).error?.includes("contains no PID of an application") === true,
    );
  });

  test("that does not run is waited for without an error", async () => {
    const running = await publish({ files: [byPidFile()] });
    await eventually("waited for", 15_000, () => target(running).waitingFor !== null);
    expect(target(running)).toMatchObject({
      error: null,
      waitingFor: expect.stringMatching(/app\.pid does not exist/),
    });
    await startProgram("reads");
    await eventually("notified once it runs", 15_000, async () => (await journal()) === "1\n");
  });

  test("is notified by a command that gets the endpoint; a failing or hanging one is reported with its output", async () => {
    const command = (script: string, timeoutMs = 5_000) => ({
      path: file("app.ini"),
      notify: { kind: "command" as const, command: ["/bin/sh", "-c", script] as [string, ...string[]], timeoutMs },
    });
    const good = await publish({
      files: [command(`echo "$ELASTICSEARCH_REGION $ELASTICSEARCH_EPOCH" >> ${file("journal")}`)],
    });
    await eventually("notified", 15_000, async () => (await journal()) === "gra 1\n");
    await good.end();
    await rm(file("state"), { recursive: true });
    const bad = await publish({ files: [command("echo no luck >&2; exit 3")] });
    await eventually("it has failed", 15_000, () => target(bad).error !== null);
    expect(target(bad).error).toMatch(/\/bin\/sh ended with status 3: no luck/);
    await bad.end();
    const slow = await publish({ files: [command(`sleep 600 & echo $! > ${file("child")}; wait`, 300)] });
    await eventually("it was killed", 15_000, () => target(slow).error !== null);
    expect(target(slow).error).toMatch(/did not end within 300 ms and was killed/);
    const child = (await readFile(file("child"), "utf8")).trim();
    await eventually("its child has ended, too", 15_000, async () => !(await stillRuns(child)));
  });
});

describe("an application that is a unit of systemd", () => {
  const { PATH } = process.env;
  afterEach(() => {
    process.env["PATH"] = PATH;
  });

  /**
   * A stand-in for systemctl, whose unit is a process that the test can inspect: tests do not touch this machine's own
   * manager. publisher-units.test.ts shows what a real one answers.
   */
  async function systemctl(properties: Readonly<Record<string, string | number>>): Promise<void> {
    const answer = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
    await mkdir(file("bin"), { recursive: true });
    const script = `#!/bin/sh\ncase "$1" in show) cat <<END\n${answer.join("\n")}\nEND\n;; *) exit 1;; esac\n`;
    await writeFile(file("bin/systemctl"), script, { mode: 0o755 });
    process.env["PATH"] = `${file("bin")}:${PATH}`;
  }
  const active = { LoadState: "loaded", ActiveState: "active", CanReload: "yes", MainPID: 0 };

  test("gets SIGHUP in its main process if that has a handler, and is waited for while it does not run", async () => {
    await systemctl({ ...active, ActiveState: "inactive" });
    const notify = { kind: "unit", unit: "orders.service", action: "kill" } as const;
    const running = await publish({ files: [{ path: file("app.ini"), notify }] });
    await eventually("waited for", 15_000, () => target(running).waitingFor !== null);
    const deaf = await startProgram("nothing");
    await systemctl({ ...active, MainPID: deaf.pid ?? 0 });
    await eventually("refused", 15_000, () => target(running).error?.includes("has no handler for SIGHUP") === true);
    const child = await startProgram("reads");
    await systemctl({ ...active, MainPID: child.pid ?? 0 });
    await eventually("notified", 15_000, async () => (await journal()) === "1\n");
    expect(deaf.signalCode).toBeNull();
  });
});

describe("a unit that is restarted", () => {
  const { PATH } = process.env;
  afterEach(() => {
    process.env["PATH"] = PATH;
  });

  test("uses the epoch, because it started after the file was written; one that does not run is not started", async () => {
    await mkdir(file("bin"));
    const script =
      `#!/bin/sh\necho "$*" >> ${file("calls")}\ntest "$1" = show || exit 0\n` +
      `echo LoadState=loaded\necho "ActiveState=$(cat ${file("active")})"\necho CanReload=no\necho MainPID=0\n`;
    await writeFile(file("bin/systemctl"), script, { mode: 0o755 });
    await writeFile(file("active"), "inactive\n");
    process.env["PATH"] = `${file("bin")}:${PATH}`;
    const notify = { kind: "unit", unit: "orders.service", action: "restart" } as const;
    const running = await publish({ files: [{ path: file("app.ini"), application: "orders", notify }] });
    await eventually("waited for", 15_000, () => target(running).waitingFor?.includes("is inactive") === true);
    expect(await text("calls")).not.toContain("restart");
    await writeFile(file("active"), "active\n");
    await eventually("restarted", 15_000, () => target(running).usedEpoch === 1);
    expect((await text("calls")).split("\n").filter((call) => call === "restart orders.service")).toHaveLength(1);
  });
});

/** Zombies do not count. */
async function stillRuns(pid: string): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return status !== "" && !/^State:\s+Z/m.test(status);
}

describe("a full disk", () => {
  const mounted = process.getuid?.() === 0;
  test.skipIf(!mounted)(
    `leaves file, owner and mode unchanged, is reported, and is retried until there is room${mounted ? "" : " (skipped: needs root)"}`,
    async () => {
      const found = await onSmallDisk("publisher-disk.ts", directory);
      const names = ["app.ini", "app.ini.bak"];
      expect(found).toMatchObject({
        first: "bhs at 10.82.0.10:9200, epoch 1",
        full: { message: `cannot write ${file("app.ini")}: no space left on device`, epoch: "1", names },
        roomAgain: { message: "bhs at 10.82.0.10:9200, epoch 2", epoch: "2", names },
        readOnly: { message: `cannot write ${file("app.ini")}: read-only file system`, epoch: "2", names },
        writable: { message: "bhs at 10.82.0.10:9200, epoch 3", epoch: "3", names },
        owner: { mode: "640", uid: 1_234, gid: 4_321 },
      });
    },
  );
});

describe("a publisher without the right to signal a program", () => {
  const isRoot = process.getuid?.() === 0;
  test.skipIf(!isRoot)(`names the user to run as${isRoot ? "" : " (skipped: needs root)"}`, async () => {
    const child = await startProgram("reads");
    const signalling = path.join(import.meta.dirname, "../../watchdog/applications/publisher/process.ts");
    const script = `const { hangUp } = await import(${JSON.stringify(signalling)});
        await hangUp(${child.pid}, "app.pid", () => null).catch((error) => console.log(error.message));`;
    // May read a checkout that only root may read, and has no other right that the user nobody lacks.
    const reading = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"];
    const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", ...reading];
    const node = [process.execPath, "--input-type=module", "-e", script];
    const { stdout } = await run("setpriv", [...nobody, ...node]);
    expect(stdout).toMatch(/publisher \(user 65534\) may not signal process \d+: run it as the user of that process/);
    expect(await journal()).toBe("");
  });
});
