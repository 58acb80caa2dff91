/**
 * Time of previews and updates of each stack: the first ones, all sites at once, and those without a change.
 *
 *     node bench/provisioning.ts
 *
 * The real engine runs the users' program against the lab's cloud, whose instances are ready within seconds: compare numbers of one run
 * with each other. Needs what the lab needs (docs/lab.md), takes some minutes, prints a table and removes everything.
 */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Stack, stacks } from "../lab/system/configuration.ts";
import { setUpMachine } from "../lab/system/set-up.ts";
import { TwoRegions } from "../lab/system/two-regions.ts";
import { removeLabWithThisProcess } from "../test/lab-guard.ts";
import { table } from "../watchdog/util/text.ts";
import { say } from "./promotion/fixture.ts";
import { seconds } from "./promotion/report.ts";
import { type Work, workIn } from "./provisioning/steps.ts";

interface Timed {
  readonly tookMs: number;
  readonly work: Work;
}

async function main(): Promise<void> {
  const obstacles = await setUpMachine();
  if (obstacles.length > 0) throw new Error(`this machine cannot run the lab. ${obstacles.join(" ")}`);
  const scratch = await mkdtemp(path.join(tmpdir(), "es-failover-bench-"));
  removeLabWithThisProcess(scratch);
  const system = await TwoRegions.create(path.join(scratch, "lab"), say);
  try {
    const rows: string[][] = [
      ["", ...stacks],
      await eachInTurn("preview of everything", (stack) => timed(system, scratch, stack, "preview")),
    ];
    say("the first update of all stacks at once");
    const first = await Promise.all(stacks.map((stack) => timed(system, scratch, stack, "up")));
    rows.push(...firstRows(first));
    rows.push(await eachInTurn("update without a change", (stack) => timed(system, scratch, stack, "up")));
    rows.push(await eachInTurn("preview without a change", (stack) => timed(system, scratch, stack, "preview")));
    console.log(`\n${table(rows)}`);
  } finally {
    await system.destroy();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function eachInTurn(what: string, measure: (stack: Stack) => Promise<Timed>): Promise<string[]> {
  const cells: string[] = [];
  for (const stack of stacks) {
    const { tookMs, work } = await measure(stack);
    if (what.includes("without a change") && work.resources > 0) {
      throw new Error(`${stack}: ${work.resources} resources were to be changed`);
    }
    cells.push(seconds(tookMs));
    say(`${what}: ${stack} ${cells.at(-1)}`);
  }
  return [what, ...cells];
}

/** Hosts wait for each other, too: a cluster forms when all of its nodes are there. */
function firstRows(runs: readonly Timed[]): readonly string[][] {
  const row = (what: string, cell: (run: Timed) => string) => [what, ...runs.map(cell)];
  const times = ({ work }: Timed) => Object.entries(work.hosts).toSorted(([, a], [, b]) => b - a);
  return [
    row("first update, all sites at once", ({ tookMs }) => seconds(tookMs)),
    row("  resources", ({ work }) => String(work.resources)),
    row("  its slowest host", (run) => times(run).map(([name, s]) => `${s} s (${name})`)[0] ?? "none"),
    row("  its hosts one after the other", (run) => `${times(run).reduce((sum, [, s]) => sum + s, 0)} s`),
  ];
}

async function timed(system: TwoRegions, scratch: string, stack: Stack, command: "preview" | "up"): Promise<Timed> {
  const events = path.join(scratch, `${stack}-${command}.jsonl`);
  const options = command === "up" ? ["--yes", "--skip-preview"] : [];
  const startedMs = performance.now();
  await system.engine.run([command, "--stack", stack, ...options, "--event-log", events]);
  const tookMs = performance.now() - startedMs;
  const names = (await system.lab.hosts()).map(({ name }) => name).filter((name) => name.startsWith(`${stack}-`));
  const work = workIn(await readFile(events, "utf8"), names);
  await rm(events);
  return { tookMs, work };
}

await main();
