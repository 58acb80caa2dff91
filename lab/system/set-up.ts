import process from "node:process";
import { messageOf } from "../../watchdog/util/errors.ts";
import { elasticsearchSteps } from "../elasticsearch/steps.ts";
import { labObstacles } from "../hosts/preflight.ts";
import { cToolchainStep } from "../machine/c-toolchain.ts";
import { browserRootStep, hostRootStep, toolsRootStep } from "../machine/debian-root.ts";
import { machinePackagesStep } from "../machine/packages.ts";
import { pulumiStep } from "../machine/pulumi.ts";
import { runSteps } from "../machine/run-steps.ts";

/**
 * Sets the machine up as far as possible; root file systems for hosts and tools are built only where a lab can run.
 * @returns why no lab can run here, one sentence per reason; empty when one can
 */
export async function setUpMachine(): Promise<readonly string[]> {
  if (process.platform === "linux" && process.getuid?.() === 0) await runSteps([machinePackagesStep, cToolchainStep]);
  const obstacles = await labObstacles();
  await runSteps([pulumiStep, ...elasticsearchSteps, ...(obstacles.length === 0 ? [hostRootStep, toolsRootStep] : [])]);
  return obstacles;
}

/**
 * Installs the browser for the test of the status page.
 * @returns why there is none here, a sentence; null when there is one
 */
export function setUpBrowser(): Promise<string | null> {
  return runSteps([browserRootStep]).then(
    () => null,
    (error: unknown) => `Chromium could not be installed: ${messageOf(error)}`,
  );
}
