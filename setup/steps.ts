import process from "node:process";
import { elasticsearchSteps } from "../lab/elasticsearch/steps.ts";
import { labObstacles } from "../lab/hosts/preflight.ts";
import { cToolchainStep } from "./c-toolchain.ts";
import { hostRootStep, toolsRootStep } from "./debian-root.ts";
import { machinePackagesStep } from "./machine-packages.ts";
import { pulumiStep } from "./pulumi.ts";
import { runSteps } from "./run-steps.ts";

/**
 * Sets the machine up for everything that runs here, as far as it can be: root file systems for hosts and tools are
 * made only where a lab can run. Returns why none can, one sentence per reason; nothing when one can.
 */
export async function setUpMachine(): Promise<readonly string[]> {
  if (process.platform === "linux" && process.getuid?.() === 0) await runSteps([machinePackagesStep, cToolchainStep]);
  const obstacles = await labObstacles();
  await runSteps([pulumiStep, ...elasticsearchSteps, ...(obstacles.length === 0 ? [hostRootStep, toolsRootStep] : [])]);
  return obstacles;
}
