import { expect, onTestFinished, test } from "vitest";
import type { Stack } from "../../lab/system/configuration.ts";
import { until } from "../../lab/util/until.ts";
import { longestOutageMs } from "./support/application.ts";
import { type BothEntries, noneMissing } from "./support/both-entries.ts";
import { type LabUnderTest, settings, UPDATE_HICCUP_MS } from "./support/lab-under-test.ts";
import { rolesOf, untilServersUp } from "./support/watching.ts";

const added = "gra-es-4";

/** Changes of what a region consists of, while applications write. */
export function changeTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test("a node is added to the active region, emptied and removed again: writes go on, and the cluster is green with every copy", {
    timeout: 900_000,
  }, async () => {
    const { system, questions, pulumi } = lab();
    const clients = applications();
    const before = rolesOf(await system.watchdogs.status());
    const beganAtMs = Date.now();
    const change = async (stack: Stack, change: Parameters<typeof system.configure>[1]) => {
      await system.configure(stack, { ...settings, ...change });
      return system.up(stack, pulumi.say);
    };
    const isWhole = (nodes: number) =>
      until(`gra is green with ${nodes} nodes`, 120_000, async () => {
        const health = await questions.clusterHealth("gra");
        return health.status === "green" && health.nodes === nodes;
      });

    for (const stack of ["bhs", "witness", "gra"] as const) await change(stack, { nodesOfGra: 4 });
    onTestFinished(async () => {
      if ((await system.lab.host(added)) === undefined) return;
      for (const stack of ["bhs", "witness", "gra"] as const) await change(stack, {});
    });
    await isWhole(4);
    await untilServersUp(system, "gra", 4, 60_000);
    await until(`${added} has shards`, 120_000, async () => (await shardsOn(lab(), added)) > 0);

    const drained = await change("gra", { nodesOfGra: 4, drain: added });
    expect(drained.update).toBe(1);
    expect(await shardsOn(lab(), added)).toBe(0);
    await isWhole(4);

    for (const stack of ["bhs", "witness"] as const) await change(stack, {});
    const removed = await change("gra", {});
    expect(removed.delete).toBeGreaterThan(5);
    expect(await system.lab.host(added)).toBeUndefined();
    await isWhole(3);
    await untilServersUp(system, "gra", 3, 60_000);
    const { persistent } = (await questions.ask("gra", "/_cluster/settings?flat_settings=true")) as {
      readonly persistent: Readonly<Record<string, string>>;
    };
    expect(persistent["cluster.routing.allocation.exclude._name"]).toBeUndefined();

    expect(longestOutageMs(clients.gra, beganAtMs)).toBeLessThan(UPDATE_HICCUP_MS);
    expect(longestOutageMs(clients.bhs, beganAtMs)).toBeLessThan(UPDATE_HICCUP_MS);
    expect(clients.regionsInOrder(beganAtMs)).toEqual(["gra"]);
    expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);
    expect(await clients.missing()).toEqual(noneMissing);
  });
}

async function shardsOn({ questions }: LabUnderTest, node: string): Promise<number> {
  const shards = (await questions.ask("gra", "/_cat/shards?format=json&h=node")) as { readonly node: string | null }[];
  return shards.filter((shard) => shard.node === node).length;
}
