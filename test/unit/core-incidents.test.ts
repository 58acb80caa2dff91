import { describe, expect, test } from "vitest";
import { decide } from "../../watchdog/core/rules/decide.ts";
import { explain } from "../../watchdog/core/rules/explain.ts";
import type { ClusterProbe } from "../../watchdog/core/state/cluster.ts";
import { observeProbe, type RegionHealth, unknownHealth } from "../../watchdog/core/state/health.ts";
import type { Observations } from "../../watchdog/core/state/observations.ts";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import { config, NOW_MS, observations, serving, standbyView } from "./core-fixtures.ts";

/**
 * Incidents as text: one line per round with what each region's probe found, and what was decided. The golden files in
 * incidents/ are rewritten by `vitest -u`; read the difference before you commit it.
 */
interface Round {
  readonly gra: keyof typeof probes;
  readonly bhs: keyof typeof probes;
  readonly seen?: Partial<Observations>;
}

const answer = {
  reachable: true,
  clusterUuid: "u",
  version: "9.5.3",
  master: "node-1",
  redIndices: [],
  nodes: 3,
} as const;
const probes = {
  green: { ...answer, status: "green" },
  yellow: { ...answer, status: "yellow", nodes: 2 },
  red: { ...answer, status: "red", redIndices: ["logs-1"] },
  masterless: { ...answer, status: "green", master: null },
  gone: { reachable: false, kind: "unreachable", error: "connection refused" },
} as const satisfies Record<string, ClusterProbe>;

function tell(start: StateRecord, rounds: readonly Round[]): string {
  let record: StateRecord | null = start;
  let gra: RegionHealth = unknownHealth;
  let bhs: RegionHealth = unknownHealth;
  const lines: string[] = [];
  rounds.forEach((round, n) => {
    const nowMs = NOW_MS + n * config.checks.intervalMs;
    gra = observeProbe(gra, probes[round.gra], nowMs, config.checks);
    bhs = observeProbe(bhs, probes[round.bhs], nowMs, config.checks);
    const seen = observations({
      health: { gra, bhs },
      sites: [{ site: "bhs", regions: { gra: gra.state, bhs: bhs.state } }],
      standby: { ...standbyView(), observedAtMs: nowMs },
      inSyncSeenAtMs: NOW_MS,
      routers: [{ router: config.name, acknowledgedEpoch: record?.epoch ?? 0 }],
      ...round.seen,
    });
    const ruling = decide(record, seen, nowMs, config);
    const seconds = String((nowMs - NOW_MS) / 1000).padStart(4);
    lines.push(`${seconds} s  gra ${round.gra}, bhs ${round.bhs}`, `        ${ruling.rule}: ${ruling.explanation}`);
    record = ruling.record;
    if (n === rounds.length - 1) {
      lines.push("", "explain:");
      for (const { rule, decides, blockedBy } of explain(record, seen, nowMs, config).slice(0, 6)) {
        lines.push(`  ${decides ? "→" : " "} ${rule}${blockedBy.map((reason) => `\n      ${reason}`).join("")}`);
      }
    }
  });
  return `${lines.join("\n")}\n`;
}

const times = (n: number, round: Round): readonly Round[] => Array.from({ length: n }, () => round);
const well: Round = { gra: "green", bhs: "green" };
const graGone: Round = { gra: "gone", bhs: "green" };

describe("incidents", () => {
  test.each<[string, StateRecord, readonly Round[]]>([
    ["the active region is lost", serving(), [well, ...times(4, graGone)]],
    ["a blip is no failover", serving(), [well, ...times(2, graGone), well, ...times(2, graGone), well]],
    ["one node is lost", serving(), [well, ...times(4, { gra: "yellow", bhs: "green" } as const)]],
    ["an index is red", serving(), [well, ...times(4, { gra: "red", bhs: "green" } as const)]],
    ["no master is elected", serving(), [well, ...times(3, { gra: "masterless", bhs: "green" } as const)]],
    ["both regions are lost", serving(), [well, ...times(4, { gra: "gone", bhs: "gone" } as const)]],
    ["the standby is not in sync", serving({ standby: "following", inSyncAtMs: null }), [...times(4, graGone)]],
    [
      "a router does not acknowledge",
      serving(),
      [...times(5, { ...graGone, seen: { routers: [{ router: config.name, acknowledgedEpoch: 1 }] } })],
    ],
    [
      "the active region comes back while its routers close",
      serving(),
      [
        ...times(3, graGone),
        ...times(5, { ...well, seen: { routers: [{ router: config.name, acknowledgedEpoch: 1 }] } }),
      ],
    ],
    [
      "the watchdog doubts itself",
      serving(),
      [well, ...times(3, { ...graGone, seen: { selfDoubt: ["the process stood still for 9000 ms"] } })],
    ],
  ])("%s", async (name, start, rounds) => {
    await expect(tell(start, rounds)).toMatchFileSnapshot(`incidents/${name.replaceAll(" ", "-")}.txt`);
  });
});
