/**
 * `npm test`: sets the machine up, checks style, types and imports, runs every test on real parts, and ends with the
 * slowest tests, the seconds of each part, what failed, and one line that counts the tests. Tests that this machine cannot run are
 * skipped with the reason in their title.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { setUpBrowser, setUpMachine } from "../lab/system/set-up.ts";
import { add, closingLine, noTests } from "./runner/closing-line.ts";
import { Commands } from "./runner/commands.ts";
import { failureLines } from "./runner/failures.ts";
import {
  browserFile,
  commandOf,
  includes,
  type Part,
  projects,
  type Schedule,
  scheduleFor,
} from "./runner/schedule.ts";
import { partsLine, slowestLines, type TimedPart } from "./runner/timings.ts";
import { emptyReport, readReport, type TestReport } from "./runner/vitest-report.ts";

const root = path.dirname(import.meta.dirname);

const checks = [
  { title: "style", argv: ["biome", "check", "."] },
  { title: "types", argv: ["tsc", "--noEmit"] },
  { title: "imports", argv: ["npm", "run", "--silent", "imports"] },
] as const;

class TestRun {
  readonly #commands = new Commands(root);
  readonly #scratch: string;
  readonly #filters: readonly string[];
  readonly parts: TimedPart[] = [];

  constructor(scratch: string, filters: readonly string[]) {
    this.#scratch = scratch;
    this.#filters = filters;
  }

  async timed<T>(name: string, work: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    const result = await work();
    this.parts.push({ name, tookMs: performance.now() - startedMs });
    return result;
  }

  /** All at once: each of them uses one processor. */
  async checks(): Promise<TestReport> {
    const failed = await Promise.all(
      checks.map(async ({ title, argv }) => {
        const succeeded = (await this.#commands.run(argv, { shared: true })) === 0;
        console.log(`${succeeded ? "passed" : "FAILED"}: ${title}`);
        return succeeded ? [] : [{ title, message: `its output is above; alone: npx ${argv.join(" ")}` }];
      }),
    );
    const failures = failed.flat();
    const counts = { ...noTests, passed: checks.length - failures.length, failed: failures.length };
    return { ...emptyReport, counts, failures };
  }

  /** @param shared whether others write to the terminal at the same time */
  async scheduled(schedule: Schedule, shared = false): Promise<readonly TestReport[]> {
    if ("atOnce" in schedule) {
      const isShared = shared || schedule.atOnce.length > 1;
      return (await Promise.all(schedule.atOnce.map((each) => this.scheduled(each, isShared)))).flat();
    }
    if ("inTurn" in schedule) {
      const reports: TestReport[] = [];
      for (const each of schedule.inTurn) reports.push(...(await this.scheduled(each, shared)));
      return reports;
    }
    return [await this.timed(schedule.name, () => this.#part(schedule, shared))];
  }

  /** A run that ended badly without a failed test (a crash, an unhandled error) counts as one failure. */
  async #part(part: Part, shared: boolean): Promise<TestReport> {
    const file = path.join(this.#scratch, `${part.name}.json`);
    const status = await this.#commands.run(commandOf(part, this.#filters, file), {
      shared,
      niceness: part.niceness ?? 0,
    });
    const report = await readFile(file, "utf8").then(
      (text) => readReport(JSON.parse(text), root),
      () => emptyReport,
    );
    if (status === 0 || report.counts.failed > 0) return report;
    const failure = { title: part.name, message: `vitest ended with status ${status}, though no test failed` };
    return { ...report, counts: add(report.counts, { ...noTests, failed: 1 }), failures: [failure] };
  }
}

/** Arguments select projects (`npm test unit`); any other one selects test files whose path contains it. */
export async function main(args: readonly string[]): Promise<number> {
  const named = projects.filter((project) => args.includes(project));
  const chosen = named.length > 0 ? named : projects;
  const filters = args.filter((arg) => !projects.some((project) => project === arg));
  const scratch = await mkdtemp(path.join(tmpdir(), "es-failover-test-"));
  // Hundreds of processes of Node load the same modules: compiled once, a start takes half of the processor time.
  process.env["NODE_COMPILE_CACHE"] = path.join(scratch, "compiled");
  try {
    const run = new TestRun(scratch, filters);
    const obstacles = await run.timed("set-up", setUpMachine);
    for (const obstacle of obstacles) console.log(`skipped: tests that need a lab. ${obstacle}`);
    if (obstacles.length === 0 && includes(browserFile, chosen, filters)) {
      const obstacle = await run.timed("browser", setUpBrowser);
      if (obstacle !== null) console.log(`skipped: the status page in Chromium. ${obstacle}`);
    }
    const checks = await run.timed("checks", () => run.checks());
    const reports = [checks, ...(await run.scheduled(scheduleFor(chosen, filters)))];
    const counts = reports.map((report) => report.counts).reduce(add, noTests);
    for (const line of slowestLines(reports.flatMap(({ tests }) => tests))) console.log(line);
    console.log(partsLine(run.parts));
    for (const line of failureLines(reports.flatMap(({ failures }) => failures))) console.log(line);
    console.log(closingLine(counts));
    return counts.failed > 0 || counts.passed === 0 ? 1 : 0;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
