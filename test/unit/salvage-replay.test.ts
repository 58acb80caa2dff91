import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Divergence } from "../../watchdog/core/state/divergence.ts";
import { previewReplay, replaySalvage } from "../../watchdog/salvage/commands.ts";
import { exportOperations } from "../../watchdog/salvage/export/export.ts";
import { listSalvages, showSalvage } from "../../watchdog/salvage/exports.ts";
import { totalOf } from "../../watchdog/salvage/replay/classification.ts";
import { decideReplay, defaultChoice, type ReplayChoice } from "../../watchdog/salvage/replay/replay-plan.ts";
import { endlessRoom, ModelRegion } from "./salvage-model.ts";

const promotedAtMs = 1_000;
const missingAndNewer: ReplayChoice = { classes: ["missing", "newer"], includeMayBeDeleted: true };
const careful: ReplayChoice = { classes: ["missing", "newer"], includeMayBeDeleted: false };
const everything: ReplayChoice = { classes: ["missing", "newer", "conflicting"], includeMayBeDeleted: true };
const nowMs = () => 5_000;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "es-failover-replay-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

interface Write {
  readonly id: string;
  readonly value: number | "delete";
}
const write = fc.record<Write>({
  id: fc.constantFrom("a", "b", "c", "d", "e", "f"),
  value: fc.oneof(fc.nat(3), fc.constant("delete" as const)),
});
const writes = fc.array(write, { maxLength: 15 });
const history = fc.record({ shared: writes, old: writes, fresh: writes });

function apply(region: ModelRegion, list: readonly Write[]): void {
  for (const { id, value } of list) {
    if (value === "delete") region.shard("i", 0).delete(id);
    else region.shard("i", 0).index(id, { value });
  }
}

/** gra and bhs after a failover: `shared` reached both, `old` only gra, and `fresh` was written to bhs afterwards. */
async function afterFailover(given: { shared: readonly Write[]; old: readonly Write[]; fresh: readonly Write[] }) {
  const directory = await mkdtemp(path.join(root, "run-"));
  const gra = new ModelRegion("gra");
  gra.create("i", 1);
  apply(gra, given.shared);
  const checkpoint = gra.shard("i", 0).maxSeqNo;
  apply(gra, given.old);
  gra.set("i", { writeBlocked: true });
  const bhs = new ModelRegion("bhs");
  bhs.follow(gra, "i", [checkpoint]);
  apply(bhs, given.fresh);
  const divergence: Divergence = {
    epoch: 4,
    oldRegion: "gra",
    newRegion: "bhs",
    promotedAtMs,
    checkpoints: [{ index: "i", shard: 0, checkpoint }],
  };
  const exported = await exportOperations({
    ...{ root: directory, divergence, oldPrimary: gra, room: endlessRoom, nowMs },
  });
  const request = (choice: ReplayChoice) => ({ root: directory, name: "4-gra", active: bhs, choice });
  return { gra, bhs, checkpoint, request, exported: { directory: path.join(exported.directory, "gra-i-0") } };
}

describe("a replay", () => {
  test("creates missing documents, updates unchanged ones, and skips all that were written after the failover", async () => {
    await fc.assert(
      fc.asyncProperty(history, async (given) => {
        const { gra, bhs, request } = await afterFailover(given);
        const before = new Map(bhs.shard("i", 0).documents);
        const touched = new Set(given.fresh.map(({ id }) => id));
        const { id, report } = await previewReplay(request(missingAndNewer), nowMs);
        expect(new Map(bhs.shard("i", 0).documents)).toEqual(before);
        const done = await replaySalvage(request(missingAndNewer), id);
        expect(done.attempted).toBe(report.attempted);
        expect(done.outcomes).toEqual({ written: report.attempted, present: 0, changed: 0, failed: 0 });
        const after = bhs.shard("i", 0).documents;
        for (const id of touched) if (before.has(id)) expect(after.get(id)).toEqual(before.get(id));
        for (const [id, document] of gra.shard("i", 0).documents) {
          if (!touched.has(id)) expect(after.get(id)?.source).toEqual(document.source);
        }
      }),
      { numRuns: 15 },
    );
  });

  test("changes nothing in a second run, for any choice and any writes in between", async () => {
    await fc.assert(
      fc.asyncProperty(history, writes, async (given, later) => {
        const { bhs, request } = await afterFailover(given);
        const first = await previewReplay(request(everything), nowMs);
        await replaySalvage(request(everything), first.id);
        apply(bhs, later);
        const content = bhs.content();
        const again = await replaySalvage(request(everything), first.id);
        expect(again.outcomes.written).toBe(0);
        const second = await previewReplay(request(careful), nowMs);
        await replaySalvage(request(careful), second.id);
        expect(bhs.content()).toEqual(content);
      }),
      { numRuns: 15 },
    );
  });

  test("ends in the same state when any batch is interrupted, before or after it takes effect", async () => {
    const interruption = fc.record({ batch: fc.nat(4), afterEffect: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(history, interruption, async (given, { batch, afterEffect }) => {
        const straight = await afterFailover(given);
        const approved = await previewReplay(straight.request(everything), nowMs);
        await replaySalvage(straight.request(everything), approved.id);

        const { bhs, request } = await afterFailover(given);
        const { id } = await previewReplay(request(everything), nowMs);
        let batches = 0;
        const cut = () => {
          batches += 1;
          if (batches === batch + 1) throw new Error("cut off");
        };
        if (afterEffect) bhs.afterWrite = cut;
        else bhs.beforeWrite = cut;
        await replaySalvage(request(everything), id).catch((error: Error) => {
          expect(error.message).toBe("cut off");
        });
        bhs.afterWrite = () => {};
        bhs.beforeWrite = () => {};
        const resumed = await replaySalvage(request(everything), id);
        expect(resumed.outcomes.failed + resumed.outcomes.changed).toBe(0);
        expect(sources(bhs)).toEqual(sources(straight.bhs));
      }),
      { numRuns: 12 },
    );
  });

  test("skips a document that changed after its classification, even if conflicts are chosen", async () => {
    const { bhs, request } = await afterFailover({
      shared: [{ id: "a", value: 0 }],
      old: [{ id: "a", value: 1 }],
      fresh: [{ id: "a", value: 2 }],
    });
    const { id, classifications } = await previewReplay(request(everything), nowMs);
    expect(totalOf(classifications)).toMatchObject({ conflicting: 1 });
    apply(bhs, [{ id: "a", value: 3 }]);
    const report = await replaySalvage(request(everything), id);
    expect(report.outcomes).toMatchObject({ written: 0, changed: 1 });
    expect(bhs.shard("i", 0).documents.get("a")?.source).toEqual({ value: 3 });
  });

  test("creates by default only documents that the active region cannot have had", async () => {
    const { bhs, request } = await afterFailover({
      shared: [{ id: "deleted-there", value: 0 }],
      old: [
        { id: "deleted-there", value: 1 },
        { id: "new", value: 1 },
      ],
      fresh: [{ id: "deleted-there", value: "delete" }],
    });
    const { id, classifications, report } = await previewReplay(request(defaultChoice), nowMs);
    expect(totalOf(classifications)).toMatchObject({ missing: 2, mayBeDeleted: 1 });
    expect(report).toMatchObject({ attempted: 1, skipped: { "may-be-deleted": 1 } });
    await replaySalvage(request(defaultChoice), id);
    expect(sources(bhs)).toEqual([["new", { value: 1 }]]);
  });

  test("does not restore a document that the active region deleted after an earlier classification", async () => {
    const { bhs, request } = await afterFailover({
      shared: [],
      old: [{ id: "a", value: 1 }],
      fresh: [{ id: "a", value: 2 }],
    });
    await previewReplay(request(careful), nowMs);
    apply(bhs, [{ id: "a", value: "delete" }]);
    for (let round = 0; round < 2; round += 1) {
      const { classifications, report } = await previewReplay(request(careful), nowMs);
      expect(totalOf(classifications)).toMatchObject({ missing: 1, mayBeDeleted: 1 });
      expect(report.attempted).toBe(0);
    }
  });

  test("requires the approved classification, made against the same cluster and the same operations", async () => {
    const { bhs, request, exported } = await afterFailover({ shared: [], old: [{ id: "a", value: 1 }], fresh: [] });
    await expect(replaySalvage(request(defaultChoice), "anything")).rejects.toThrow(/has not been classified/);
    const { id } = await previewReplay(request(defaultChoice), nowMs);
    await expect(replaySalvage(request(defaultChoice), "another")).rejects.toThrow(/another was approved/);
    const other = new ModelRegion("other");
    await expect(replaySalvage({ ...request(defaultChoice), active: other }, id)).rejects.toThrow(
      /classified against bhs/,
    );
    await writeFile(
      path.join(exported.directory, "classification.ndjson"),
      '{"class":"missing","mayBeDeleted":false,"seen":null,"everSeen":false}\n\n',
    );
    await expect(replaySalvage(request(defaultChoice), id)).rejects.toThrow(/does not belong/);
    await writeFile(path.join(exported.directory, "operations.ndjson.gz"), "damaged");
    await expect(replaySalvage(request(defaultChoice), id)).rejects.toThrow(/cannot replay 4-gra/);
    expect(sources(bhs)).toEqual([]);
  });

  test("treats every difference in an index created after the failover as a conflict, and does not create one that the active region had", async () => {
    const shared = [{ id: "a", value: 0 }];
    const { bhs, request } = await afterFailover({ shared, old: [{ id: "a", value: 1 }], fresh: [] });
    bhs.create("i", 1, { createdAtMs: promotedAtMs + 1 });
    bhs.shard("i", 0).index("a", { value: 9 });
    const { classifications } = await previewReplay(request(missingAndNewer), nowMs);
    expect(totalOf(classifications)).toMatchObject({ newer: 0, conflicting: 1 });

    const empty = new ModelRegion("bhs");
    const preview = await previewReplay({ ...request(careful), active: empty }, nowMs);
    expect(preview.classifications[0]?.absentIndices).toEqual(["i"]);
    expect(preview.report).toMatchObject({ attempted: 0, created: [], skipped: { "may-be-deleted": 1 } });
    const asked = await previewReplay({ ...request(missingAndNewer), active: empty }, nowMs);
    expect(asked.report).toMatchObject({ attempted: 1, created: ["i"] });
  });

  test("reports refusals with the reason of the cluster, and retries them in the next run", async () => {
    const { bhs, request } = await afterFailover({ shared: [], old: [{ id: "a", value: 1 }], fresh: [] });
    const { id } = await previewReplay(request(defaultChoice), nowMs);
    const working = bhs.write.bind(bhs);
    bhs.write = async (list) => list.map(() => ({ kind: "failed", reason: "es_rejected_execution_exception: full" }));
    const report = await replaySalvage(request(defaultChoice), id);
    expect(report.outcomes.failed).toBe(1);
    expect(report.failures).toEqual([{ index: "i", id: "a", reason: "es_rejected_execution_exception: full" }]);
    bhs.write = working;
    expect((await replaySalvage(request(defaultChoice), id)).outcomes.written).toBe(1);
  });
});

describe("an index that the active region never had", () => {
  async function onlyInGra() {
    const gra = new ModelRegion("gra");
    gra.create("local", 2);
    gra.set("local", { writeBlocked: true, aliases: [{ alias: "everything", isWriteIndex: true }] });
    gra.shard("local", 0).index("a", { n: 1 });
    gra.shard("local", 0).index("a", { n: 2 });
    gra.shard("local", 1).index("b", { n: 3 });
    const divergence: Divergence = { epoch: 4, oldRegion: "gra", newRegion: "bhs", promotedAtMs, checkpoints: [] };
    await exportOperations({ root, divergence, oldPrimary: gra, room: endlessRoom, nowMs });
    const bhs = new ModelRegion("bhs");
    return { bhs, request: { root, name: "4-gra", active: bhs, choice: defaultChoice } };
  }

  test("is created by the replay as the old primary had it, with aliases that take no writes, and filled", async () => {
    const { bhs, request } = await onlyInGra();
    const { id, report } = await previewReplay(request, nowMs);
    expect(report).toMatchObject({ created: ["local"], attempted: 2 });
    expect(bhs.created.size).toBe(0);
    expect(await replaySalvage(request, id)).toMatchObject({ created: ["local"], outcomes: { written: 2, failed: 0 } });
    expect(bhs.created.get("local")).toEqual({
      settings: { index: { number_of_shards: "2" } },
      mappings: { properties: {} },
      aliases: { everything: { is_write_index: false } },
    });
    expect([...bhs.shard("local", 0).documents.keys()].sort()).toEqual(["a", "b"]);
    expect(await replaySalvage(request, id)).toMatchObject({ created: [], outcomes: { written: 0 } });
  });

  test("is created without the settings that this version of Elasticsearch keeps for itself", async () => {
    const { bhs, request } = await onlyInGra();
    const { id } = await previewReplay(request, nowMs);
    const asked: unknown[] = [];
    bhs.beforeCreate = (_name, { settings }) => {
      asked.push(settings);
      if (asked.length > 1) return;
      throw new Error(
        "Validation Failed: 1: private index setting [index.number_of_shards] can not be set explicitly;",
      );
    };
    expect(await replaySalvage(request, id)).toMatchObject({ created: ["local"], failures: [] });
    expect(asked).toEqual([{ index: { number_of_shards: "2" } }, { index: {} }]);
  });

  test("is reported with the reason and the file of its definition when the active region refuses to create it", async () => {
    const { bhs, request } = await onlyInGra();
    const { id } = await previewReplay(request, nowMs);
    bhs.beforeCreate = () => {
      throw new Error("an alias has the name [local]");
    };
    const { failures, outcomes } = await replaySalvage(request, id);
    expect(outcomes).toMatchObject({ written: 0, failed: 2 });
    expect(failures).toEqual([
      {
        index: "local",
        id: "",
        reason: expect.stringMatching(/an alias has the name \[local\]. Create it from .*definition.json/),
      },
    ]);
  });
});

describe("an index whose documents' versions the application sets", () => {
  /** Beyond what a double represents, as of a clock in nanoseconds. */
  const BASE = 2n ** 60n;
  const message = fc.record({ id: fc.constantFrom("a", "b", "c"), version: fc.bigInt({ min: 1n, max: 30n }) });
  const messages = fc.uniqueArray(message, { selector: ({ version }) => version, maxLength: 20 });
  type Message = { readonly id: string; readonly version: bigint };

  /** As the application writes: Elasticsearch refuses a message that is not newer than the document. */
  function deliver(region: ModelRegion, { id, version: place }: Message): void {
    const version = BASE + place;
    const shard = region.shard("i", 0);
    if ((shard.documents.get(id)?.version ?? 0n) < version) shard.index(id, { at: String(place) }, null, version);
  }
  const newest = (list: readonly Message[]) =>
    [...Map.groupBy(list, ({ id }) => id)]
      .map(([id, all]) => [id, all.reduce((max, { version }) => (version > max ? version : max), 0n)] as const)
      .map(([id, version]) => [id, { at: String(version) }])
      .sort();

  test("ends with the newest message of each document, whatever was written meanwhile or is delivered again later", async () => {
    await fc.assert(
      fc.asyncProperty(messages, fc.infiniteStream(fc.nat(3)), async (list, whens) => {
        const groups: Message[][] = [[], [], [], []];
        for (const each of list) groups[whens.next().value ?? 0]?.push(each);
        const [shared = [], old = [], fresh = [], between = []] = groups;
        const bhs = new ModelRegion("bhs");
        const directory = await mkdtemp(path.join(root, "external-"));
        const before = new ModelRegion("gra");
        before.create("i", 1);
        for (const each of shared) deliver(before, each);
        const checkpoint = before.shard("i", 0).maxSeqNo;
        bhs.follow(before, "i", [checkpoint]);
        for (const each of old) deliver(before, each);
        before.set("i", { writeBlocked: true });
        for (const each of fresh) deliver(bhs, each);
        const checkpoints = [{ index: "i", shard: 0, checkpoint }];
        const divergence: Divergence = { epoch: 4, oldRegion: "gra", newRegion: "bhs", promotedAtMs, checkpoints };
        await exportOperations({ root: directory, divergence, oldPrimary: before, room: endlessRoom, nowMs });
        const replayOf = { root: directory, name: "4-gra", active: bhs, choice: everything };
        const { id } = await previewReplay(replayOf, nowMs);
        for (const each of between) deliver(bhs, each);
        const { outcomes } = await replaySalvage(replayOf, id);
        expect(outcomes.failed).toBe(0);
        expect(sources(bhs)).toEqual(newest(list));
        for (const each of list) deliver(bhs, each);
        expect(sources(bhs)).toEqual(newest(list));
      }),
      { numRuns: 15 },
    );
  });

  test("keeps its versions only where they show it, or an operator declared it", async () => {
    const { bhs, request } = await afterFailover({ shared: [], old: [{ id: "a", value: 1 }], fresh: [] });
    const { id, classifications } = await previewReplay(request(careful), nowMs);
    expect(classifications[0]?.externalVersions).toBe(false);
    const declared = { ...request(careful), isExternallyVersioned: (index: string) => index === "i" };
    const writes: unknown[] = [];
    const write = bhs.write.bind(bhs);
    bhs.write = (list) => {
      writes.push(...list.map(({ condition }) => condition));
      return write(list);
    };
    await replaySalvage(declared, id);
    expect(writes).toEqual([{ kind: "version", version: 1n, orEqual: false }]);
  });
});

describe("the decision on one operation", () => {
  const operation = {
    index: "i",
    shard: 0,
    id: "a",
    routing: "r",
    seqNo: 9,
    primaryTerm: 1,
    version: 1n,
    source: { x: 1 },
  };
  const context = { choice: everything, isSettled: false, indexExists: true, externalVersions: false };
  const missing = { class: "missing", mayBeDeleted: false, seen: null } as const;

  test("is a write only under a condition that anything newer breaks", () => {
    const seen = { seqNo: 3, primaryTerm: 2 };
    expect(decideReplay(operation, missing, context)).toMatchObject({ write: { condition: { kind: "absent" } } });
    for (const name of ["newer", "conflicting"] as const) {
      expect(decideReplay(operation, { class: name, mayBeDeleted: false, seen }, context)).toMatchObject({
        write: { routing: "r", condition: { kind: "unchanged", ...seen } },
      });
    }
  });

  test.each(["same", "older"] as const)("is never a write for %s, for any choice", (name) => {
    const classified = { class: name, mayBeDeleted: false, seen: { seqNo: 3, primaryTerm: 2 } };
    expect(decideReplay(operation, classified, context)).toEqual({ kind: "skip", reason: name });
  });

  test("is never a write for a document without source", () => {
    const decision = decideReplay({ ...operation, source: null }, missing, context);
    expect(decision).toEqual({ kind: "skip", reason: "no-source" });
  });

  test("keeps the version of an externally versioned document, unless a data stream creates it", () => {
    const external = { ...context, externalVersions: true };
    const at = (name: "missing" | "newer" | "conflicting") =>
      decideReplay(operation, { ...missing, class: name }, external);
    expect(at("missing")).toMatchObject({ write: { condition: { kind: "version", version: 1n, orEqual: false } } });
    expect(at("newer")).toMatchObject({ write: { condition: { kind: "version", orEqual: false } } });
    expect(at("conflicting")).toMatchObject({ write: { condition: { kind: "version", orEqual: true } } });
    const index = ".ds-logs-web-2026.01.02-000003";
    expect(decideReplay({ ...operation, index }, missing, external)).toMatchObject({
      write: { index: "logs-web", condition: { kind: "appended" } },
    });
  });

  test("creates a data stream's missing documents through the stream", () => {
    const index = ".ds-logs-web-2026.01.02-000003";
    expect(decideReplay({ ...operation, index }, missing, context)).toMatchObject({ write: { index: "logs-web" } });
  });
});

test("list and show report an export's state, progress and last classification", async () => {
  const { request } = await afterFailover({ shared: [], old: [{ id: "a", value: 1 }], fresh: [] });
  const { id, classifications } = await previewReplay(request(defaultChoice), nowMs);
  await replaySalvage(request(defaultChoice), id);
  const { root: directory } = request(defaultChoice);
  expect(await listSalvages(directory)).toMatchObject([{ name: "4-gra", state: "exported", totals: { settled: 1 } }]);
  expect(await showSalvage(directory, "4-gra")).toMatchObject({
    indices: [{ check: { valid: true }, classification: classifications[0] }],
  });
  await expect(showSalvage(directory, "5-gra")).rejects.toThrow(/it has 4-gra/);
});

function sources(region: ModelRegion): unknown {
  return [...region.shard("i", 0).documents.values()].map(({ id, source }) => [id, source]).sort();
}
