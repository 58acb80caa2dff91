import { execFile, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../lab/util/free-ports.ts";
import { until } from "../../lab/util/until.ts";
import { buildWatchdogBundle, type WatchdogBundle } from "../../watchdog/bundle.ts";
import { TestAuthority } from "./support/certificates.ts";
import { EventStream } from "./support/event-stream.ts";
import { MailReceiver } from "./support/receivers.ts";

const run = promisify(execFile);

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

let bundle: WatchdogBundle;
let directory: string;

beforeAll(async () => {
  bundle = await buildWatchdogBundle();
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-bundle-"));
  await run("tar", ["-xzf", bundle.archivePath, "-C", directory]);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** The program as on a host: with the Node it is shipped with, and without this machine's environment. */
const onHost = (...args: readonly string[]) =>
  run(path.join(directory, "node"), [path.join(directory, "es-failover.mjs"), ...args], {
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
  });

/** Of a watchdog that reaches nothing: nothing listens there. */
async function configFile(sections: object = {}): Promise<string> {
  const nodes = (port: number) => ({ nodes: [`https://127.0.0.1:${port}`] });
  const config = path.join(directory, "watchdog.json");
  await writeFile(path.join(directory, "password"), "secret-of-the-test", { mode: 0o600 });
  const { caFile } = await TestAuthority.create(directory);
  await writeFile(
    config,
    JSON.stringify({
      name: "test",
      site: "bhs",
      regions: { gra: nodes(1), bhs: nodes(2) },
      firstPrimary: "gra",
      elasticsearch: {
        username: "es-failover",
        passwordFile: path.join(directory, "password"),
        caFile,
      },
      replication: { patterns: ["orders-*"] },
      store: { kind: "file", directory: path.join(directory, "store") },
      router: {},
      stateDirectory: directory,
      ...sections,
    }),
  );
  return config;
}

describe("the watchdog's archive", () => {
  test("holds what a host needs, and nothing of the machine that built it", async () => {
    const { stdout } = await run("tar", ["--numeric-owner", "--full-time", "-tvzf", bundle.archivePath]);
    const entries = stdout
      .trim()
      .split("\n")
      .map((line) => line.split(/\s+/));
    expect(entries.map((fields) => fields.at(-1)).sort()).toEqual([
      "./",
      "./VERSION",
      "./es-failover-publisher@.service",
      "./es-failover.mjs",
      "./es-failover.mjs.LEGAL.txt",
      "./es-failover.mjs.map",
      "./es-failover.service",
      "./node",
    ]);
    for (const fields of entries) expect(fields.join(" ")).toMatch(/ 0\/0 .*1970-01-01/);
    expect(await readFile(path.join(directory, "VERSION"), "utf8")).toBe(`${bundle.version}\n`);
    const program = await readFile(path.join(directory, "es-failover.mjs"), "utf8");
    expect(program).not.toContain(path.dirname(path.dirname(import.meta.dirname)));
    expect(await readFile(path.join(directory, "es-failover.mjs.LEGAL.txt"), "utf8")).toMatch(/liquidjs.*MIT License/s);
  });

  test("has a program that is small in memory: ASCII alone, without what it never uses of its dependencies", async () => {
    const program = await readFile(path.join(directory, "es-failover.mjs"), "latin1");
    // One other character doubles it. It was 4.2 MB with two versions of undici and fifty languages of zod.
    expect(program.search(/[^\0-\x7f]/)).toBe(-1);
    expect(program.length).toBeLessThan(3_350_000);
  });

  test("asks Elasticsearch over the part of the HTTP client that it is shipped with", async () => {
    const config = await configFile();
    const { stdout, stderr } = await onHost("--config", config, "preflight").catch((error: unknown) => error as Output);
    expect(stdout + stderr).toContain("ECONNREFUSED");
  });

  test("serves the status page with its script and stylesheet, which are no files on the host", async () => {
    const port = await freePort();
    const controlSocket = path.join(directory, "control.sock");
    const config = await configFile({ controlSocket, page: { port, authentication: { kind: "proxy" } } });
    const program = [path.join(directory, "es-failover.mjs"), "--config", config, "run"];
    const watchdog = spawn(path.join(directory, "node"), program, { cwd: "/", stdio: "ignore" });
    const ended = once(watchdog, "exit");
    try {
      const answer = (what: string) => fetch(`http://127.0.0.1:${port}${what}`).then((response) => response.text());
      await until("the page is served", 30_000, () =>
        answer("/").then(
          () => true,
          () => false,
        ),
      );
      // By then the first decision has been taken, or not: the page has a sentence for both.
      expect(await answer("/")).toMatch(/No region is known to serve|gra serves since/);
      expect(await answer("/page.css")).toContain("prefers-color-scheme");
      expect(await answer("/page.js")).toContain("EventSource");
      expect(await answer("/icon.svg")).toContain("<svg");
      const stream = await EventStream.open(`http://127.0.0.1:${port}/events`);
      expect((await stream.next()).version).toBe(bundle.version);
      stream.close();
    } finally {
      watchdog.kill();
      await ended;
    }
  });

  test("sends mail over the part of nodemailer that it is shipped with", async () => {
    const authority = await TestAuthority.create(directory, "mail-ca");
    const receiver = await MailReceiver.listen(await authority.issue("mail", "/CN=mail"));
    await writeFile(path.join(directory, "mail-password"), "mail-password", { mode: 0o600 });
    const mail = {
      kind: "smtp" as const,
      name: "mail",
      host: "127.0.0.1",
      port: receiver.port,
      caFile: authority.caFile,
      username: "watchdog",
      passwordFile: path.join(directory, "mail-password"),
      from: "es-failover@example.com",
      to: ["on-call@example.com"],
    };
    const controlSocket = path.join(directory, "mail-control.sock");
    const config = await configFile({ controlSocket, notifications: { targets: [mail] } });
    const program = [path.join(directory, "es-failover.mjs"), "--config", config, "run"];
    const watchdog = spawn(path.join(directory, "node"), program, { cwd: "/", stdio: "ignore" });
    const ended = once(watchdog, "exit");
    try {
      await until("a test is delivered", 30_000, () =>
        onHost("--config", config, "notify", "--test").then(
          ({ stdout }) => /^mail {2}smtp {2}delivered/.test(stdout),
          () => false,
        ),
      );
      expect(receiver.mails[0]?.text).toMatch(/^Subject: \[info\] Test message of the watchdog/m);
    } finally {
      watchdog.kill();
      await ended;
      await receiver.close();
    }
  });

  test("runs on a host without a Node of its own", async () => {
    expect((await onHost("version")).stdout).toBe(`${bundle.version}\n`);
    expect((await onHost("--help")).stdout).toContain("check-config");
    // `run` loads every module before it reads its configuration.
    for (const command of ["check-config", "run"]) {
      await expect(onHost("--config", "/nonexistent", command)).rejects.toMatchObject({
        code: 2,
        stderr: expect.stringContaining("no such file"),
      });
    }
  });

  test("is the same file when built again from the same sources", async () => {
    const sum = async ({ archivePath }: WatchdogBundle) =>
      createHash("sha256")
        .update(await readFile(archivePath))
        .digest("hex");
    const first = await sum(bundle);
    const again = await buildWatchdogBundle();
    expect(again).toEqual(bundle);
    expect(await sum(again)).toBe(first);
  });

  test("is the same file when another machine builds it", async () => {
    const elsewhere = await mkdtemp(path.join(tmpdir(), "es-failover-bundle-cache-"));
    try {
      const script = path.join(import.meta.dirname, "..", "..", "watchdog", "bundle.ts");
      const build = `import { buildWatchdogBundle } from ${JSON.stringify(script)}; console.log(JSON.stringify(await buildWatchdogBundle()));`;
      const { stdout } = await run(process.execPath, ["--input-type=module", "-e", build], {
        env: { ...process.env, ES_FAILOVER_CACHE: elsewhere, TZ: "Asia/Tokyo", LC_ALL: "C" },
      });
      const other = JSON.parse(stdout) as WatchdogBundle;
      expect(other.version).toBe(bundle.version);
      expect(Buffer.compare(await readFile(other.archivePath), await readFile(bundle.archivePath))).toBe(0);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });
});

const analyzerMissing = spawnSync("systemd-analyze", ["--version"]).error !== undefined;

describe("the unit", () => {
  const understood = `is accepted by systemd${analyzerMissing ? " (skipped: no systemd-analyze here)" : ""}`;
  test.skipIf(analyzerMissing)(understood, async () => {
    const text = await readFile(path.join(directory, "es-failover.service"), "utf8");
    // The program is in /opt only on a host.
    const unit = path.join(directory, "check", "es-failover.service");
    await mkdir(path.dirname(unit));
    await writeFile(unit, text.replace(/^ExecStart=.*$/m, "ExecStart=/bin/true"));
    expect(await run("systemd-analyze", ["verify", "--man=no", unit])).toMatchObject({ stderr: "" });
    const { stdout } = await run("systemd-analyze", ["security", "--offline=true", "--no-pager", unit]);
    const exposure = Number(/exposure level for es-failover\.service: (\d+\.\d+)/.exec(stdout)?.[1]);
    expect(exposure).toBeLessThan(2);
  });

  test.skipIf(analyzerMissing)(`of the publisher ${understood}`, async () => {
    const text = await readFile(path.join(directory, "es-failover-publisher@.service"), "utf8");
    const unit = path.join(directory, "check-publisher", "es-failover-publisher@daemon.service");
    await mkdir(path.dirname(unit));
    await writeFile(unit, text.replace(/^ExecStart=.*$/m, "ExecStart=/bin/true"));
    expect(await run("systemd-analyze", ["verify", "--man=no", unit])).toMatchObject({ stderr: "" });
  });
});
