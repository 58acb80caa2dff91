import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { cToolchainObstacle } from "../../machine/c-toolchain.ts";
import { run } from "../../util/run.ts";

const sources = path.resolve(import.meta.dirname, "..", "..", "..", "clients", "c");

/** Builds escluster-demo on this machine, as the lab's hosts have no compiler. @returns the program */
export async function buildDemoProgram(): Promise<Buffer> {
  const obstacle = await cToolchainObstacle();
  if (obstacle !== undefined) throw new Error(`clients/c cannot be built: ${obstacle}`);
  const scratch = await mkdtemp(path.join(tmpdir(), "es-failover-ways-"));
  try {
    const program = path.join(scratch, "escluster-demo");
    await run("make", ["--silent", "-C", sources, `BUILD=${scratch}`, program]);
    return await readFile(program);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
