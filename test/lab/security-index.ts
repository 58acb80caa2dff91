import { expect, onTestFinished, test } from "vitest";
import { stacks } from "../../lab/system/configuration.ts";
import { asSuperuser } from "../../lab/system/superuser.ts";
import type { TwoRegions } from "../../lab/system/two-regions.ts";
import { eventually, until } from "../../lab/util/until.ts";
import { CANARY_INDEX } from "../../watchdog/config/canary.ts";
import { type BothEntries, noneMissing } from "./support/both-entries.ts";
import { checks, type LabUnderTest } from "./support/lab-under-test.ts";
import { rolesOf, untilServersUp, untilSite } from "./support/watching.ts";

/** Checks after which a region would have been counted as lost, and HAProxy would have dropped its nodes. */
const ENOUGH_CHECKS = checks.failThreshold + 2;

/** A region whose native realm knows no user any more, while its nodes serve (invariant 16). */
export function securityIndexTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test("a security index without a primary in gra refuses no watchdog and no check, and is no reason for a failover", {
    timeout: 600_000,
  }, async () => {
    const { system, questions } = lab();
    const clients = applications();
    const before = rolesOf(await system.watchdogs.status());
    const beganAtMs = Date.now();
    const { uuid, holders } = await securityIndex(lab());
    const last = holders.at(-1) ?? "";
    await setAllocation(system, "none");
    // The replica's copy first: its node gets no other one.
    for (const node of holders) await restartWith(lab(), node, `mv ${copyOf(uuid)} ${setAside}`);
    const giveBack = async () => {
      await restartWith(lab(), last, `test ! -e ${setAside} || mv ${setAside} ${copyOf(uuid)}`);
      await until("the security index of gra has its primary", 60_000, async () => {
        return (await securityIndex(lab())).holders.length > 0;
      });
      await setAllocation(system, null);
    };
    let isGivenBack = false;
    onTestFinished(() => (isGivenBack ? undefined : giveBack()));
    await until("no node of gra has the security index", 60_000, async () => {
      return (await securityIndex(lab())).holders.length === 0;
    });
    // The others may know the application's password since before.
    const url = `${await questions.privateUrl(last)}/app-any/_count`;
    expect([401, 503]).toContain((await questions.asUser("app", url)).status);
    const sinceMs = Date.now();
    for (const site of stacks) {
      await untilSite(system, site, "has had gra healthy for long", ({ regions, nowMs }) => {
        const health = regions.find(({ region }) => region === "gra")?.health;
        return nowMs > sinceMs && health?.state === "healthy" && health.successesInARow >= ENOUGH_CHECKS;
      });
    }
    await untilServersUp(system, "gra", 3, 10_000);
    expect(rolesOf(await system.watchdogs.status())).toEqual(before);

    await giveBack();
    isGivenBack = true;
    await clients.served();
    expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);
    expect(clients.regionsInOrder(beganAtMs)).toEqual(["gra"]);
    expect(await clients.missing()).toEqual(noneMissing);
  });
}

const copyOf = (uuid: string): string => `/var/lib/elasticsearch/indices/${uuid}`;
const setAside = "/var/lib/elasticsearch/security-index";

/** Whether gra's nodes may start copies of shards; those of the managed indices and of the canaries always may. */
async function setAllocation(system: TwoRegions, enable: "none" | null): Promise<void> {
  const managed = { "index.routing.allocation.enable": enable === null ? null : "all" };
  const cluster = { persistent: { "cluster.routing.allocation.enable": enable } };
  const ofIndices = () => asSuperuser(system, "gra", { path: `/app-*,${CANARY_INDEX}/_settings`, body: managed });
  if (enable !== null) await ofIndices();
  await asSuperuser(system, "gra", { path: "/_cluster/settings", body: cluster });
  if (enable === null) await ofIndices();
}

/** The security index of gra, and the nodes with a started copy of it, the primary's last. */
async function securityIndex({
  questions,
}: LabUnderTest): Promise<{ readonly uuid: string; readonly holders: readonly string[] }> {
  const path = "/_cluster/state/metadata,routing_table,nodes/.security*?expand_wildcards=all";
  const state = (await questions.ask("gra", path)) as SecurityState;
  const [uuid = ""] = Object.values(state.metadata.indices).map(({ settings }) => settings.index.uuid);
  const holders = Object.values(state.routing_table.indices)
    .flatMap(({ shards }) => Object.values(shards).flat())
    .filter((shard) => shard.state === "STARTED")
    .toSorted((a, b) => Number(a.primary) - Number(b.primary))
    .map(({ node }) => state.nodes[node ?? ""]?.name ?? "");
  return { uuid, holders };
}

interface ShardCopy {
  readonly state: string;
  readonly primary: boolean;
  readonly node: string | null;
}

interface SecurityState {
  readonly nodes: Readonly<Record<string, { readonly name: string }>>;
  readonly metadata: {
    readonly indices: Readonly<Record<string, { readonly settings: { readonly index: { readonly uuid: string } } }>>;
  };
  readonly routing_table: {
    readonly indices: Readonly<Record<string, { readonly shards: Readonly<Record<string, readonly ShardCopy[]>> }>>;
  };
}

/** Runs a command on a node while its Elasticsearch is stopped; returns when the managed indices are green again. */
async function restartWith({ system, questions }: LabUnderTest, node: string, command: string): Promise<void> {
  const script = `systemctl stop elasticsearch && { ${command}; } && systemctl start elasticsearch`;
  const { exitCode, stderr } = await system.lab.exec(node, ["sh", "-c", script], { timeoutMs: 180_000 });
  if (exitCode !== 0) throw new Error(`${node}: ${stderr}`);
  let last: unknown;
  const back = () => `${node} is back, and the managed indices are green: ${JSON.stringify(last)}`;
  await eventually(back, 120_000, async () => {
    last = await questions.ask("gra", "/_cluster/health/app-*?level=indices");
    const { status, number_of_nodes } = last as { readonly status: string; readonly number_of_nodes: number };
    return status === "green" && number_of_nodes === 3;
  });
}
