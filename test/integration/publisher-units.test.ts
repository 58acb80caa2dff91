/** Units of a real systemd: the publisher's own code, run on a lab host by the Node that it is shipped with. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../../lab/hosts/lab.ts";
import { labObstacles } from "../../lab/hosts/preflight.ts";
import { until } from "../../lab/util/until.ts";
import { removeLabWithThisProcess } from "../lab-guard.ts";

const obstacles = await labObstacles();
const title = (name: string): string => (obstacles.length === 0 ? name : `${name} (skipped: ${obstacles.join(" ")})`);

const root = path.resolve(import.meta.dirname, "..", "..");
const host = "gra-1";

/** Reads its settings from its only argument, and prints the result. */
const program = `
import { notify } from "./watchdog/applications/publisher/notify/notifier.ts";
const endpoint = { region: "gra", host: "192.168.1.11", port: 9200, epoch: 3, caPath: null };
const settings = JSON.parse(process.argv[2]);
notify(settings, "/srv/app.ini", endpoint).then(
  (result) => console.log(JSON.stringify(result)),
  (error) => console.log(JSON.stringify({ error: error.message })),
);`;

/** Records each SIGHUP, and shows that it is ready for the first one. */
const listens = (name: string) =>
  `/bin/sh -c 'trap "echo told >>/run/${name}.told" HUP; touch /run/${name}.ready; while :; do sleep 1 & wait $$!; done'`;
const units = {
  "reloads.service": `ExecStart=${listens("reloads")}\nExecReload=/bin/kill -HUP $MAINPID`,
  "listens.service": `ExecStart=${listens("listens")}`,
  "deaf.service": "ExecStart=/usr/bin/sleep infinity",
  "broken.service": "ExecStart=/usr/bin/sleep infinity\nExecReload=/bin/sh -c 'echo no such file; exit 4'",
  "stopped.service": "ExecStart=/usr/bin/sleep infinity",
  "restarts.service": "ExecStart=/usr/bin/sleep infinity",
  "reports.service": "Type=notify-reload\nNotifyAccess=all\nExecStart=/srv/reports",
} as const;

/** Reports the end of its reload, which takes a while. */
const reports = `#!/bin/sh
reload() { systemd-notify --reloading; sleep 1; echo told >>/run/reports.told; systemd-notify --ready; }
trap reload HUP
systemd-notify --ready
while :; do sleep 1 & wait $!; done
`;

describe.skipIf(obstacles.length > 0)(title("a unit of a host's systemd"), () => {
  let directory = "";
  let lab: Lab;

  async function shell(script: string, input = ""): Promise<string> {
    const { exitCode, stdout, stderr } = await lab.exec(host, ["sh", "-ec", script], { input });
    expect(exitCode, `${script}: ${stderr}`).toBe(0);
    return stdout.trim();
  }

  async function send(file: string, to: string): Promise<void> {
    const [command = "", ...args] = await lab.sshCommand(host, [`sudo install -m 0755 /dev/stdin ${to}`]);
    const child = spawn(command, args, { stdio: ["pipe", "ignore", "inherit"] });
    const ended = once(child, "exit");
    await pipeline(createReadStream(file), child.stdin);
    expect(await ended).toEqual([0, null]);
  }

  beforeAll(async () => {
    const scratch = await mkdtemp(path.join(tmpdir(), "es-failover-units-"));
    removeLabWithThisProcess(scratch);
    directory = path.join(scratch, "lab");
    lab = await Lab.create({ directory });
    await lab.addHost({
      ...{ name: host, region: "gra", privateIp: "192.168.1.11", authorizedKeys: [], volumes: [] },
      ingress: [{ protocol: "tcp", ports: [22, 22], sources: ["10.80.0.0/24"] }],
    });
    const outfile = path.join(scratch, "notify.mjs");
    const stdin = { contents: program, resolveDir: root, loader: "ts" } as const;
    await build({ stdin, outfile, bundle: true, platform: "node", format: "esm", logLevel: "warning" });
    await send(path.join(root, "node_modules", "node", "bin", "node"), "/usr/local/bin/node");
    await send(outfile, "/srv/notify.mjs");
    for (const [unit, service] of Object.entries(units)) {
      await shell(`cat >/run/systemd/system/${unit}`, `[Service]\n${service}\n`);
    }
    await shell("cat >/srv/reports; chmod 0755 /srv/reports", reports);
    await shell("systemctl daemon-reload; systemctl start reloads listens deaf broken restarts reports");
    await until("the programs listen", 10_000, async () => {
      const ready = await lab.exec(host, ["test", "-e", "/run/reloads.ready", "-a", "-e", "/run/listens.ready"]);
      return ready.exitCode === 0;
    });
  }, 60_000);

  afterAll(async () => {
    await Lab.destroy(directory);
    await rm(path.dirname(directory), { recursive: true, force: true });
  });

  const notify = async (unit: string, action: "reload" | "kill" | "restart", timeoutMs = 10_000): Promise<unknown> => {
    const settings = JSON.stringify({ kind: "unit", unit, action, timeoutMs });
    const { stdout } = await lab.exec(host, ["/usr/local/bin/node", "/srv/notify.mjs", settings]);
    return JSON.parse(stdout);
  };
  const reloads = async (name: string) => (await lab.exec(host, ["cat", `/run/${name}.told`])).stdout;

  test("that can be reloaded is reloaded", async () => {
    expect(await notify("reloads.service", "reload")).toEqual({ notified: true, confirmed: false });
    await until("it received SIGHUP", 5_000, async () => (await reloads("reloads")) === "told\n");
  });

  test("that reports the end of its reload uses the new epoch once systemctl returns", async () => {
    expect(await notify("reports.service", "reload")).toEqual({ notified: true, confirmed: true });
    expect(await reloads("reports")).toBe("told\n");
    await expect(notify("reports.service", "reload", 300)).resolves.toEqual({
      error: "systemctl reload reports.service: did not end within 300 ms",
    });
  });

  test("that handles SIGHUP in its main process gets it there", async () => {
    expect(await notify("listens.service", "kill")).toEqual({ notified: true, confirmed: false });
    await until("it received SIGHUP", 5_000, async () => (await reloads("listens")) === "told\n");
  });

  test("that is restarted has another process afterwards, which has read its file", async () => {
    const mainPid = () => shell("systemctl show --property=MainPID restarts");
    const before = await mainPid();
    expect(await notify("restarts.service", "restart")).toEqual({ notified: true, confirmed: true });
    expect(await mainPid()).not.toBe(before);
    expect(await notify("stopped.service", "restart")).toMatchObject({ notified: false });
    expect(await shell("systemctl is-active stopped || true")).toBe("inactive");
  });

  test("that cannot be reloaded is not touched, and the error has the remedy", async () => {
    const before = await shell("systemctl show --property=MainPID,NRestarts,ActiveEnterTimestamp deaf listens");
    expect(await notify("listens.service", "reload")).toEqual({
      error: expect.stringMatching(/no ExecReload=.*"kill"/),
    });
    expect(await notify("deaf.service", "kill")).toEqual({ error: expect.stringContaining("no handler for SIGHUP") });
    expect(await shell("systemctl show --property=MainPID,NRestarts,ActiveEnterTimestamp deaf listens")).toBe(before);
  });

  test("whose reload fails is an error with the text of systemd", async () => {
    expect(await notify("broken.service", "reload")).toEqual({
      error: expect.stringMatching(/broken.service.*failed/i),
    });
  });

  test("that does not exist is named, and one that does not run is waited for", async () => {
    expect(await notify("absent.service", "reload")).toEqual({ error: "absent.service: this host has no such unit" });
    expect(await notify("stopped.service", "reload")).toEqual({
      ...{ notified: false, waitingFor: "stopped.service is inactive, not running" },
    });
  });
});
