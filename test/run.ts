/**
 * `npm test`: sets the machine up, checks style, types and imports, runs every test on real parts, and ends with the
 * slowest tests, the seconds of each part, and one line that counts the tests. Tests that this machine cannot run are
 * skipped with the reason in their title.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setUpMachine } from "../lab/system/set-up.ts";
import { add, closingLine, noTests } from "./closing-line.ts";
import { partsLine, slowestLines, type TimedPart } from "./timings.ts";
import { emptyReport, readReport, type TestReport } from "./vitest-report.ts";

const root = path.dirname(import.meta.dirname);

/** In this order: what is quick and shows most about a change first. The lab tests bring up their own lab. */
const projects = ["unit", "simulation", "integration", "lab"] as const;

const checks = [
  { title: "style", argv: ["biome", "check", "."] },
  { title: "types", argv: ["tsc", "--noEmit"] },
  { title: "imports", argv: ["npm", "run", "--silent", "imports"] },
] as const;

function run([command, ...args]: readonly [string, ...string[]]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

async function runChecks(): Promise<TestReport> {
  let counts = noTests;
  for (const { title, argv } of checks) {
    const passed = (await run(argv)) === 0;
    console.log(`${passed ? "passed" : "FAILED"}: ${title}`);
    counts = add(counts, passed ? { ...noTests, passed: 1 } : { ...noTests, failed: 1 });
  }
  return { ...emptyReport, counts };
}

/** A run that ended badly without a failed test (a crash, an unhandled error) counts as one failure. */
async function runProject(project: string, scratch: string, filters: readonly string[]): Promise<TestReport> {
  const file = path.join(scratch, `${project}.json`);
  const status = await run([
    "vitest",
    "run",
    `--project=${project}`,
    "--passWithNoTests",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
    ...filters,
  ]);
  const report = await readFile(file, "utf8").then(
    (text) => readReport(JSON.parse(text), root),
    () => emptyReport,
  );
  const crashed = status !== 0 && report.counts.failed === 0;
  return crashed ? { ...report, counts: add(report.counts, { ...noTests, failed: 1 }) } : report;
}

/** Arguments select projects (`npm test unit`); any other one selects test files whose path contains it. */
export async function main(args: readonly string[]): Promise<number> {
  const chosen = projects.filter((project) => args.includes(project));
  const filters = args.filter((arg) => !projects.some((project) => project === arg));

  const parts: TimedPart[] = [];
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    const result = await work();
    parts.push({ name, tookMs: performance.now() - startedMs });
    return result;
  };

  const obstacles = await timed("set-up", setUpMachine);
  for (const obstacle of obstacles) console.log(`skipped: tests that need a lab. ${obstacle}`);
  const reports = [await timed("checks", runChecks)];
  const scratch = await mkdtemp(path.join(tmpdir(), "es-failover-test-"));
  try {
    for (const project of chosen.length > 0 ? chosen : projects) {
      reports.push(await timed(project, () => runProject(project, scratch, filters)));
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const counts = reports.map((report) => report.counts).reduce(add, noTests);
  for (const line of slowestLines(reports.flatMap(({ tests }) => tests))) console.log(line);
  console.log(partsLine(parts));
  console.log(closingLine(counts));
  return counts.failed > 0 || counts.passed === 0 ? 1 : 0;
}
