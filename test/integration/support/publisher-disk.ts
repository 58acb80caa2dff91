/**
 * Publishes to a small file system that is full, then has room, then is read-only, then is writable. Argument: its
 * directory. Runs in its own mount namespace.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { systemClock } from "../../../watchdog/adapters/clock.ts";
import { FileTarget } from "../../../watchdog/applications/publisher/targets/file.ts";
import { PendingNotifications } from "../../../watchdog/applications/publisher/targets/pending.ts";
import { fileWithEndpoint } from "../../../watchdog/applications/publisher/targets/published-file.ts";
import { publisherSchema } from "../../../watchdog/config/applications.ts";

const directory = process.argv[2] ?? "";
const file = path.join(directory, "app.ini");
const warnings: string[] = [];
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const [settings] = publisherSchema.parse({
  source: { kind: "service", urls: ["http://127.0.0.1:1"] },
  files: [{ path: file }],
}).files;
if (settings === undefined) throw new Error("a file is configured");
const notifications = await PendingNotifications.open(path.join(directory, "state"), (sentence) =>
  warnings.push(sentence),
);
const { signal } = new AbortController();
const target = new FileTarget({
  file: fileWithEndpoint(settings),
  notifications,
  splayMs: 0,
  clock: systemClock,
  log,
  signal,
});
const publish = (epoch: number) =>
  target
    .publish({ phase: "serving", epoch, region: "bhs", host: "10.82.0.10", port: 9200 }, () => true)
    .then(
      ({ summary }) => summary,
      (error: Error) => error.message,
    );
const contents = () => ({
  epoch: /Epoch = (\d+)/.exec(readFileSync(file, "utf8"))?.[1] ?? null,
  names: readdirSync(directory).filter((name) => name.includes("app.ini")),
});

writeFileSync(file, `; ${"x".repeat(6_000)}\n[Elasticsearch]\nHost = 10.81.0.10\n`);
chmodSync(file, 0o640);
chownSync(file, 1_234, 4_321);
const first = await publish(1);
try {
  writeFileSync(path.join(directory, "filler"), Buffer.alloc(1024 * 1024));
} catch {
  // The file system is full now.
}
const full = { message: await publish(2), ...contents() };
rmSync(path.join(directory, "filler"));
const roomAgain = { message: await publish(2), ...contents() };
execFileSync("mount", ["-o", "remount,ro", directory]);
const readOnly = { message: await publish(3), ...contents() };
execFileSync("mount", ["-o", "remount,rw", directory]);
const writable = { message: await publish(3), ...contents() };
const { mode, uid, gid } = statSync(file);
const owner = { mode: (mode & 0o7777).toString(8), uid, gid };
process.stdout.write(JSON.stringify({ first, full, roomAgain, readOnly, writable, owner, warnings }));
