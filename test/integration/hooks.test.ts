import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../lab/util/until.ts";
import { hookPrograms } from "../../watchdog/adapters/hooks.ts";
import { hooksSchema } from "../../watchdog/config/hooks.ts";
import type { HookRun } from "../../watchdog/core/state/hooks.ts";
import { etcdCommand } from "./support/etcd-cluster.ts";
import { SeveralWatchdogs, sites } from "./support/several-watchdogs.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-hooks-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function script(name: string, ...lines: readonly string[]): Promise<string> {
  const file = path.join(directory, name);
  await writeFile(file, ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o755 });
  return file;
}

describe("a hook", () => {
  const run: HookRun = {
    phase: "before-closing",
    id: "2 failover bhs automatic",
    change: "failover",
    from: "gra",
    to: "bhs",
    active: "gra",
    epoch: 2,
    reason: "gra is unhealthy: `rm -rf /` $HOME; 'no' \"node\" answers",
  };
  const never = new AbortController().signal;
  const started = (command: readonly [string, ...string[]], timeoutMs = 10_000) => {
    const [hook] = hooksSchema.parse({ afterOpening: [{ command, timeoutMs }] }).afterOpening;
    if (hook === undefined) throw new Error("unreachable");
    return hookPrograms.run(hook, run, never);
  };

  test("has what the change is in its environment, and nothing of the watchdog's own but the path", async () => {
    process.env["ES_FAILOVER_TEST_PASSWORD"] = "hunter2";
    const seen = path.join(directory, "environment");
    await started(["/bin/sh", "-c", `env -0 > ${seen}`]);
    const variables = (await readFile(seen, "utf8"))
      .split("\0")
      .filter((line) => !/^(|PATH=.*|PWD=.*|_=.*|SHLVL=.*)$/.test(line));
    expect(variables.toSorted()).toEqual([
      "ES_FAILOVER_ACTIVE=gra",
      "ES_FAILOVER_EPOCH=2",
      "ES_FAILOVER_FROM=gra",
      "ES_FAILOVER_KIND=failover",
      "ES_FAILOVER_PHASE=before-closing",
      `ES_FAILOVER_REASON=${run.reason}`,
      "ES_FAILOVER_TO=bhs",
    ]);
  });

  test("gets its arguments as they are, as no shell reads them", async () => {
    expect(await started(["/bin/echo", "$HOME; *", "a  b"])).toBe("$HOME; * a b");
  });

  test("has the end of what it printed in the answer, on one line and without control characters", async () => {
    const file = await script("talks", "seq 1 5000", "printf 'the \\033[31mlast\\033[0m\\nline\\n'");
    const output = await started([file]);
    expect(output).toMatch(/ 5000 the \[31mlast \[0m line$/);
    expect(output.length).toBeLessThanOrEqual(400);
  });

  test("that ends with another status has failed, with what it printed", async () => {
    const file = await script("refuses", "echo backup is running >&2", "exit 3");
    await expect(started([file])).rejects.toThrow(`${file} ended with status 3: backup is running`);
  });

  test("that hangs is killed after its bound, with all that it started", async () => {
    const pid = path.join(directory, "pid");
    const file = await script("hangs", `sleep 600 & echo $! > ${pid}`, "wait");
    await expect(started([file], 500)).rejects.toThrow(/did not end within 500 ms and was killed/);
    const child = Number(await readFile(pid, "utf8"));
    await eventually(
      () => `process ${child} is gone`,
      5_000,
      async () => (await readFile(`/proc/${child}/stat`, "utf8").catch(() => ") Z")).includes(") Z"),
    );
  });
});

const skipped = (await etcdCommand()) === null;

describe.skipIf(skipped)("hooks of three watchdogs on real etcd (skipped where set-up has not brought etcd)", () => {
  let all: SeveralWatchdogs;
  const at = (name: string) => path.join(directory, name);
  /** What the hooks have noted, one line for each run. */
  const runs = async () =>
    (await readFile(at("runs"), "utf8").catch(() => "")).split("\n").filter((line) => line !== "");

  beforeAll(async () => {
    const note = `echo "$ES_FAILOVER_PHASE $ES_FAILOVER_KIND $ES_FAILOVER_FROM $ES_FAILOVER_TO $ES_FAILOVER_ACTIVE $ES_FAILOVER_EPOCH" >> ${at("runs")}`;
    const first = await script(
      "before",
      note,
      `date +%s%3N >> ${at("windows")}; sleep 1; date +%s%3N >> ${at("windows")}`,
    );
    const last = await script("gate", `if [ -e ${at("backup")} ]; then echo a backup is running; exit 1; fi`);
    const hanging = await script("hanging", "sleep 600");
    const then = await script("after", note);
    all = await SeveralWatchdogs.start({
      hooks: {
        beforeClosing: [
          { command: [first] },
          { command: [hanging], timeoutMs: 300 },
          { command: [last], onFailure: "stop" },
        ],
        afterOpening: [{ command: [then] }],
        retryAfterMs: 2_000,
      },
    });
    await all.untilSettled();
  });
  afterAll(async () => {
    await all?.stop();
  });

  const ask = (to: string) => {
    const site = all.controller() ?? "gra";
    return all.watchdog(site).command({ kind: "switchover", to, force: false, reason: "drill" }, "alice");
  };
  /** Asks again where it was refused because a probe had failed, or the standby was not in sync. */
  async function switchOver(to: string): Promise<void> {
    const seen: string[] = [];
    await eventually(
      () => `a switchover is done: ${seen.join("; ")}`,
      120_000,
      async () => {
        await Promise.all([rm(at("runs"), { force: true }), rm(at("windows"), { force: true })]);
        const sinceMs = Date.now();
        await ask(to);
        const isEnd = (rule: string) => rule === "refuse-request" || rule === "promotion-done";
        const ended = async () =>
          (await all.watchdog("gra").history(20)).findLast(({ atMs, rule }) => atMs >= sinceMs && isEnd(rule));
        await eventually("the request has ended", 60_000, async () => (await ended()) !== undefined);
        const { rule, explanation } = (await ended()) ?? {};
        seen.push(explanation ?? "");
        return rule === "promotion-done";
      },
    );
  }

  test("a switchover that a hook stops is refused with its words, and no router closes", async () => {
    const sinceMs = Date.now();
    await writeFile(at("backup"), "");
    expect(await ask("bhs")).toMatchObject({ accepted: true });
    const latest = async () => (await all.watchdog("gra").history(1)).at(-1);
    await eventually("the request is refused", 20_000, async () => (await latest())?.rule === "refuse-request");
    expect((await latest())?.explanation).toMatch(
      /a hook refuses it: .*gate ended with status 1: a backup is running$/,
    );
    expect(all.refusals.filter((atMs) => atMs >= sinceMs)).toEqual([]);
    expect(await runs()).toEqual(["before-closing switchover gra bhs gra 2"]);
    expect(sites.flatMap((site) => all.status(site)?.hookRefusal ?? [])).toEqual([
      expect.stringMatching(/a backup is running$/),
    ]);
  });

  test("each runs once for a switchover: the first while routers are open to the old region, the last when they are to the new one", async () => {
    await rm(at("backup"));
    await switchOver("bhs");
    await all.until("routers are open to bhs", 30_000, () => all.bothOpenTo("bhs"));
    await eventually("the hooks after the opening have run", 15_000, async () => (await runs()).length === 2);
    expect(await runs()).toEqual(["before-closing switchover gra bhs gra 2", "after-opening switchover gra bhs bhs 3"]);
    const [fromMs = 0, untilMs = 0] = (await readFile(at("windows"), "utf8")).split("\n").map(Number);
    expect(all.refusals.filter((atMs) => atMs >= fromMs && atMs <= untilMs)).toEqual([]);
    const isNoted = () => !("openingHooks" in (all.record() ?? {}));
    await all.until("the record has them no more", 10_000, isNoted);
    expect(await runs()).toHaveLength(2);
  });
});
