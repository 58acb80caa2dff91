import { expect, onTestFinished, test } from "vitest";
import type { TwoRegions } from "../../lab/system/two-regions.ts";
import type { ReplicationStatus, WatchdogStatus } from "../../watchdog/controller/status.ts";
import type { HistoryEntry } from "../../watchdog/core/state/history.ts";
import { longestOutageMs } from "./support/application.ts";
import { type BothEntries, noneMissing } from "./support/both-entries.ts";
import type { LabUnderTest } from "./support/lab-under-test.ts";
import { LargeIndices } from "./support/large-indices.ts";
import { esFailoverDone, failBack } from "./support/operator.ts";

/** Together 5 GB; more than Elasticsearch copies at once, which is four to each of three nodes. */
const names = Array.from({ length: 40 }, (_, n) => `app-large-${String(n + 1).padStart(2, "0")}`);
const BYTES_EACH = 125_000_000;
const TOTAL_BYTES = names.length * BYTES_EACH;
/** 40 MB/s, as much as Elasticsearch lets a node copy by default. */
const RATE_MBIT = 320;
/** Longest pause that the copies may cost applications. */
const HICCUP_MS = 5_000;
const REJOIN_MS = 900_000;

interface RunningCopy {
  readonly index: string;
  readonly startedAtMs: number;
  /** How many have come. */
  readonly bytes: number;
}

/** The unprotected indices at one time, and the copies of large ones that run. */
interface Sample {
  readonly atMs: number;
  readonly protectedCount: number;
  readonly copies: readonly RunningCopy[];
  readonly unprotected: ReadonlySet<string>;
}

/** A region whose indices take minutes to copy comes back as the standby. */
export function rejoinTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test("a rejoin of 5 GB over a line of 40 MB/s shows its progress, protects index by index, and a restart of the watchdogs forgets nothing", {
    timeout: 1_200_000,
  }, async () => {
    const { system, router, scratch } = lab();
    const clients = applications();
    await system.hosts.killElasticsearch("gra");
    await system.watchdogs.until("bhs serves", ({ record }) => record?.phase === "serving" && record.active === "bhs");
    const large = new LargeIndices(names, lab());
    const totalBytes = await large.create(scratch, BYTES_EACH);
    expect(totalBytes).toBeGreaterThan(TOTAL_BYTES);

    onTestFinished(() => system.lab.wan.set("gra", "bhs", { rateMbit: 0 }));
    await system.lab.wan.set("gra", "bhs", { rateMbit: RATE_MBIT });
    await clients.served();
    const sinceMs = Date.now();
    await system.hosts.startElasticsearch("gra");
    const samples: Sample[] = [];
    const seen = (condition: (status: WatchdogStatus) => boolean) => (status: WatchdogStatus) => {
      const sample = sampleOf(status);
      if (sample !== null && sample.atMs !== samples.at(-1)?.atMs) samples.push(sample);
      return condition(status);
    };
    const shown = /app-large-\d+ is still being copied: [\d.]+ [KM]iB of 1[\d.]+ MiB \(\d+ %\), about \S+ (s|min) left/;
    await system.watchdogs.until(
      "the copies have come some way",
      seen(
        ({ replication }) =>
          copiesOf(replication).length > 1 && copiesOf(replication).some(({ bytes }) => bytes > BYTES_EACH / 10),
      ),
      REJOIN_MS,
    );
    expect(await esFailoverDone(system, router, "status")).toMatch(shown);

    const isPartly = ({ record, replication }: WatchdogStatus) =>
      record?.phase === "serving" &&
      record.standby === "following" &&
      protectedOf(replication).length > 0 &&
      copiesOf(replication).length > 0;
    const before = await system.watchdogs.until("one is protected and others are copied", seen(isPartly), REJOIN_MS);
    await restartWatchdogs(system);
    const after = await system.watchdogs.until(
      "the restarted watchdog compares the regions",
      seen(({ replication }) => protectedOf(replication).length > 0),
    );
    expect(protectedOf(after.replication)).toEqual(expect.arrayContaining([...protectedOf(before.replication)]));

    await system.watchdogs.until(
      "gra is in sync",
      seen(({ record }) => record?.phase === "serving" && record.standby === "in-sync"),
      REJOIN_MS,
    );
    const tookMs = Date.now() - sinceMs;
    expect(tookMs).toBeGreaterThan((totalBytes * 8_000) / (RATE_MBIT * 1_000_000));
    expect(endsDuringCopies(samples)).toBeGreaterThanOrEqual(2);
    for (const progress of progressOfCopies(samples)) expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    const history = JSON.parse(await esFailoverDone(system, router, "history", "--json", "--limit", "100"));
    const back = (history as readonly HistoryEntry[]).find(
      ({ atMs, rule }) => rule === "standby-in-sync" && atMs > sinceMs,
    );
    expect(back?.explanation).toBe("gra is in sync with bhs: it may be promoted");
    for (const traffic of [clients.gra, clients.bhs]) expect(longestOutageMs(traffic, sinceMs)).toBeLessThan(HICCUP_MS);

    await system.lab.wan.set("gra", "bhs", { rateMbit: 0 });
    await large.remove();
    const removedAtMs = Date.now();
    await system.watchdogs.until(
      "none of the large indices is missed",
      ({ replication }) => replication?.reasons.length === 0 && replication.observedAtMs > removedAtMs,
    );
    await failBack(system);
    await clients.served();
    expect(await clients.missing()).toEqual(noneMissing);
  });
}

function sampleOf({ replication }: WatchdogStatus): Sample | null {
  if (replication?.protectedIndices == null) return null;
  const unprotected = new Set(replication.unprotected.map(({ index }) => index));
  const { observedAtMs: atMs, protectedIndices } = replication;
  return { atMs, protectedCount: protectedIndices.count, copies: copiesOf(replication), unprotected };
}

/** The large indices that are being copied. */
const copiesOf = (replication: ReplicationStatus | null): readonly RunningCopy[] =>
  (replication?.unprotected ?? []).flatMap(({ index, copy }): RunningCopy[] =>
    names.includes(index) && copy?.state === "running" && copy.startedAtMs !== null
      ? [{ index, startedAtMs: copy.startedAtMs, bytes: copy.bytesDone }]
      : [],
  );

/** The large indices that are protected; none while the regions cannot be compared. */
function protectedOf(replication: ReplicationStatus | null): readonly string[] {
  if (replication?.protectedIndices == null) return [];
  return names.filter((name) => !replication.unprotected.some(({ index }) => index === name));
}

/** The bytes of each copy over time. One that failed and began again is another copy. */
const progressOfCopies = (samples: readonly Sample[]): readonly (readonly number[])[] =>
  Object.values(
    Object.groupBy(
      samples.flatMap(({ copies }) => copies),
      ({ index, startedAtMs }) => `${index} ${startedAtMs}`,
    ),
  ).map((copies = []) => copies.map(({ bytes }) => bytes));

/** Large indices that became protected, and were counted so, while the copy of another one went on. */
const endsDuringCopies = (samples: readonly Sample[]): number =>
  samples.filter((sample, n) => {
    const last = samples[n - 1];
    if (last === undefined || sample.copies.length === 0 || sample.protectedCount <= last.protectedCount) return false;
    return names.some((name) => last.unprotected.has(name) && !sample.unprotected.has(name));
  }).length;

/** One after the other, as an upgrade does: afterwards no process remembers what it saw before. */
async function restartWatchdogs(system: TwoRegions): Promise<void> {
  for (const host of await system.hosts.withWatchdog()) {
    const { exitCode, stderr } = await system.lab.exec(host, ["systemctl", "restart", "es-failover"]);
    if (exitCode !== 0) throw new Error(`${host}: ${stderr}`);
    await system.watchdogs.until(
      `${host} has compared the regions since its restart`,
      ({ replication }) => replication?.protectedIndices != null,
      undefined,
      host,
    );
  }
}
