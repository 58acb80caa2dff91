/**
 * `npm test`: sets the machine up, checks style and types, runs every test on real parts, and closes with one line that
 * counts them. Tests that this machine cannot run are skipped in plain sight, each with the reason.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setUpMachine } from "../setup/steps.ts";
import { add, type Counts, closingLine, countTests, noTests } from "./closing-line.ts";

const root = path.dirname(import.meta.dirname);

/** In this order: what is quick and says most about a change first. The lab tests bring their own lab up. */
const projects = ["unit", "simulation", "integration", "lab"] as const;

function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

/** A run that ended badly without a failed test (a crash, an unhandled error) still counts as one failure. */
async function runProject(project: string, scratch: string, filters: readonly string[]): Promise<Counts> {
  const report = path.join(scratch, `${project}.json`);
  const status = await run("vitest", [
    "run",
    `--project=${project}`,
    "--passWithNoTests",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...filters,
  ]);
  const counts = await readFile(report, "utf8").then(
    (text) => countTests(JSON.parse(text)),
    () => noTests,
  );
  return status !== 0 && counts.failed === 0 ? add(counts, { ...noTests, failed: 1 }) : counts;
}

/** Words on the command line choose projects (`npm test unit`) or, otherwise, test files whose path contains them. */
export async function main(args: readonly string[]): Promise<number> {
  const chosen = projects.filter((project) => args.includes(project));
  const filters = args.filter((arg) => !projects.some((project) => project === arg));

  for (const obstacle of await setUpMachine()) console.log(`skipped: tests that need a lab. ${obstacle}`);

  let counts = noTests;
  for (const [title, command, ...rest] of [
    ["style", "biome", "check", "."],
    ["types", "tsc", "--noEmit"],
    ["imports", "npm", "run", "--silent", "imports"],
  ] as const) {
    const passed = (await run(command, rest)) === 0;
    console.log(`${passed ? "passed" : "FAILED"}: ${title}`);
    counts = add(counts, passed ? { ...noTests, passed: 1 } : { ...noTests, failed: 1 });
  }

  const scratch = await mkdtemp(path.join(tmpdir(), "es-failover-test-"));
  try {
    for (const project of chosen.length > 0 ? chosen : projects) {
      counts = add(counts, await runProject(project, scratch, filters));
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  console.log(closingLine(counts));
  return counts.failed > 0 || counts.passed === 0 ? 1 : 0;
}
