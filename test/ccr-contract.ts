/**
 * `npm run ccr-contract`: asks a pair of clusters whether their cross-cluster replication keeps the rules that the watchdog
 * relies on. `ES_FAILOVER_CCR_CONTRACT` names a file that says which clusters; without it, the lab's stand-in is asked.
 * Arguments go to vitest.
 */
import { spawn } from "node:child_process";
import path from "node:path";
import { messageOf } from "../watchdog/util/errors.ts";
import { newPrefix, runPrefixVariable } from "./integration/support/ccr-prefix.ts";
import { copyLimitsOf } from "./integration/support/copy-limits.ts";
import { checkForeignClusters } from "./integration/support/foreign/check.ts";
import { removeWithPrefix, restoreCopyLimits } from "./integration/support/foreign/clean-up.ts";
import { readContractFile } from "./integration/support/foreign/contract-file.ts";

const root = path.dirname(import.meta.dirname);
const files = [
  "ccr-contract",
  "ccr-api-key",
  "ccr-copy-outages",
  "ccr-data-streams",
  "ccr-first-copy",
  "ccr-leader-states",
  "ccr-outages",
];
const NOT_RUN = 2;

const configured = process.env["ES_FAILOVER_CCR_CONTRACT"] ?? "";
const run = configured === "" ? runOnLab() : runOnForeignClusters(path.resolve(configured));
process.exitCode = await run.catch((error: unknown) => {
  console.error(messageOf(error));
  return NOT_RUN;
});

function runOnLab(): Promise<number> {
  console.log("on the lab's clusters, with its stand-in for CCR (ES_FAILOVER_CCR_CONTRACT names others)");
  return runTests({});
}

async function runOnForeignClusters(file: string): Promise<number> {
  const clusters = readContractFile(file);
  const prefix = newPrefix();
  const description = await checkForeignClusters(clusters, prefix);
  console.log([`on the clusters that ${file} names:`, ...description].join("\n  "));
  const limits = await copyLimitsOf(clusters.follower);
  const code = await runTests({ ES_FAILOVER_CCR_CONTRACT: file, [runPrefixVariable]: prefix });
  await restoreCopyLimits(clusters.follower, limits);
  await removeWithPrefix(clusters, prefix);
  console.log(`removed from both clusters: all that begins with ${prefix}`);
  await Promise.all([clusters.leader.close(), clusters.follower.close()]);
  return code;
}

/** Resolves with the exit status. The tests run one file after the other: one makes all first copies slow. */
function runTests(env: Record<string, string>): Promise<number> {
  const args = ["run", "--project=integration", "--reporter=verbose", "--maxWorkers=1", ...testArguments()];
  const child = spawn(path.join(root, "node_modules/.bin/vitest"), args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  // A terminal interrupts both; this process lives on to clean up.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill("SIGTERM"));
  return new Promise((resolve, reject) => child.once("error", reject).once("exit", (code) => resolve(code ?? 1)));
}

/** All contract tests, or those that the arguments choose. */
function testArguments(): readonly string[] {
  const given = process.argv.slice(2);
  return given.some((argument) => argument.startsWith("ccr-")) ? given : [...files, ...given];
}
