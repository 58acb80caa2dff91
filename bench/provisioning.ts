/**
 * How long `pulumi preview`, the first `pulumi up` and one without a change take, site by site, in a lab of its own.
 *
 *     node bench/provisioning.ts
 *
 * The hosts of a site are provisioned at once: the slowest one bounds the update, not the sum over all of them.
 */
import { mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { stacks } from "../lab/system/configuration.ts";
import { setUpMachine } from "../lab/system/set-up.ts";
import { TwoRegions } from "../lab/system/two-regions.ts";
import { table } from "../watchdog/util/text.ts";

/** " +  command:remote:Command gra-es-1-base created (21s)" */
const created = /command:remote:\S+ (\S+?-(?:es-|haproxy-)?\d+)-\S+ created \((\d+(?:\.\d+)?)s\)/;

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

const obstacles = await setUpMachine();
if (obstacles.length > 0) throw new Error(`there can be no lab here: ${obstacles.join(" ")}`);
const scratch = await mkdtemp("/var/tmp/es-failover-bench-");
try {
  const system = await TwoRegions.create(path.join(scratch, "lab"), () => {});
  const rows: string[][] = [["SITE", "HOSTS", "PREVIEW", "FIRST UP", "SLOWEST HOST", "ALL HOSTS", "UNCHANGED UP"]];
  for (const stack of stacks) {
    const previewMs = await timed(() => system.engine.preview(stack));
    const hostsMs = new Map<string, number>();
    const count = (line: string) => {
      const [, host, took] = created.exec(line) ?? [];
      if (host !== undefined) hostsMs.set(host, (hostsMs.get(host) ?? 0) + Number(took) * 1_000);
    };
    const firstMs = await timed(() => system.up(stack, count));
    const unchangedMs = await timed(() => system.up(stack, () => {}, ["--expect-no-changes"]));
    const each = [...hostsMs.values()];
    const sumMs = each.reduce((sum, ms) => sum + ms, 0);
    rows.push([
      ...[stack, String(hostsMs.size), seconds(previewMs), seconds(firstMs)],
      ...[seconds(Math.max(0, ...each)), seconds(sumMs), seconds(unchangedMs)],
    ]);
  }
  console.log(table(rows));
  await system.destroy();
} finally {
  await rm(scratch, { recursive: true, force: true });
}
