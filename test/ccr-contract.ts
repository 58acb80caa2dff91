/**
 * `npm run ccr-contract`: asks a pair of clusters whether their cross-cluster replication keeps the rules that the watchdog
 * relies on. `ES_FAILOVER_CCR_CONTRACT` names a file that says which clusters; without it, the lab's stand-in is asked.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

const root = path.dirname(import.meta.dirname);
const files = ["ccr-contract", "ccr-first-copy", "ccr-leader-states", "ccr-outages"];

const configured = process.env["ES_FAILOVER_CCR_CONTRACT"];
if (configured !== undefined && configured !== "" && !existsSync(configured)) {
  console.error(`ES_FAILOVER_CCR_CONTRACT: there is no file ${configured}`);
  process.exit(2);
}
console.log(
  configured
    ? `on the clusters that ${configured} names`
    : "on the lab's clusters, with its stand-in for CCR (ES_FAILOVER_CCR_CONTRACT names others)",
);
const vitest = path.join(root, "node_modules/.bin/vitest");
const child = spawn(vitest, ["run", "--project=integration", "--reporter=verbose", ...files], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, ...(configured ? { ES_FAILOVER_CCR_CONTRACT: path.resolve(configured) } : {}) },
});
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
