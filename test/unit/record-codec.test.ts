import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { answerFailsafe } from "../../watchdog/core/failsafe.ts";
import { decideRouting } from "../../watchdog/core/routing.ts";
import { newerVersionOf } from "../../watchdog/core/state/newer-version.ts";
import { parseStateRecord, type StateRecord } from "../../watchdog/core/state/record.ts";
import {
  decodeRecord,
  embedded,
  encodeRecord,
  PACKED_MARK,
  recordFrom,
} from "../../watchdog/core/state/record-codec.ts";
import { pack, unpack } from "../../watchdog/util/packed-json.ts";
import { closing, NOW_MS, promotedUpTo, serving, sight } from "./core-fixtures.ts";

const upgrade = /the record is of a newer version: upgrade this watchdog/;

const large = (): StateRecord => {
  const indices = Array.from({ length: 3_000 }, (_, n) => `logs-ä-${n}`);
  return closing({
    cause: "Zürich is lost",
    leaderSight: { ...sight, indices, uuids: [], shards: [] },
  });
};

describe("a record as text", () => {
  test("is plain JSON while it is small, as earlier versions wrote it, and read from that", () => {
    const record = promotedUpTo("verify");
    expect(JSON.parse(encodeRecord(record))).toEqual(record);
    expect(decodeRecord(encodeRecord(record))).toEqual(parseStateRecord(structuredClone(record)));
    expect(decodeRecord(JSON.stringify(large()))).toEqual(large());
  });

  test("is packed when it is large, every character a byte, and read back as it was, also within other JSON", () => {
    const text = encodeRecord(large());
    expect(text.length).toBeLessThan(JSON.stringify(large()).length / 3);
    expect(Buffer.from(text, "latin1").toString("latin1")).toBe(text);
    expect(decodeRecord(text)).toEqual(large());
    expect(recordFrom(JSON.parse(JSON.stringify(embedded(large()))))).toEqual(large());
  });

  test("that is cut off or damaged is refused", () => {
    const text = encodeRecord(large());
    expect(() => decodeRecord(text.slice(0, text.length / 2))).toThrow();
    expect(() => decodeRecord("{")).toThrow();
    expect(() => decodeRecord('{"schemaVersion":1,"phase":"serving"}')).toThrow(/cannot read the state document/);
  });
});

test("any JSON is unpacked as it was packed", () => {
  const shard = fc.record({
    index: fc.constantFrom("a", "b", "ä"),
    shard: fc.nat(3),
    globalCheckpoint: fc.integer({ min: -1, max: 2 ** 52 }),
    maxSeqNo: fc.integer({ min: -1, max: 300 }),
  });
  const table = fc.array(shard, { minLength: 6, maxLength: 20 });
  const lists = fc.record({
    one: table,
    two: table,
    texts: fc.array(fc.string(), { maxLength: 20 }),
    any: fc.jsonValue(),
  });
  fc.assert(
    fc.property(lists, (value) => {
      const json = JSON.stringify(value);
      expect(JSON.stringify(unpack(pack(JSON.parse(json))))).toBe(json);
    }),
    { numRuns: 300 },
  );
});

describe("a record of a version that does not exist yet", () => {
  const next: readonly [string, object][] = [
    ["an unknown field", { ...serving({ epoch: 5 }), quorum: { sites: 3 } }],
    ["a higher schemaVersion", { ...serving({ epoch: 5 }), schemaVersion: 2 }],
    ["an unknown kind of standby", { ...serving({ epoch: 5 }), standby: "warming" }],
    ["an unknown kind of plan", { ...serving({ epoch: 5 }), plan: { kind: "rebalance", createdAtMs: 1, steps: [{}] } }],
  ];
  const situation = {
    highestEpochSeen: 5,
    leaseAskedAtMs: NOW_MS,
    leaseValidForMs: 10_000,
    clocksParted: false,
    openTo: null,
  };
  const routing = (record: StateRecord) =>
    decideRouting({ ...situation, record }, { ticketValidityMs: 8_000, leaseMarginMs: 2_000 });

  test.each(next)(
    "with %s: a router goes on to the region that serves, and the status asks for an upgrade",
    (_, document) => {
      const record = recordFrom(document);
      expect(newerVersionOf(record)).toMatch(upgrade);
      expect(routing(record)).toMatchObject({ kind: "issue", ticket: { epoch: 5, region: "gra" } });
      const self = { name: "bhs-haproxy-1", newest: record, leaseTtlMs: 10_000 };
      const question = { watchdog: "bhs-haproxy-1", epoch: 5, validForMs: 10_000 };
      expect(answerFailsafe(question, self)).toMatchObject({ agrees: true, active: "gra" });
    },
  );

  test.each([
    ["closing, with an unknown field", { ...closing({ epoch: 5 }), urgency: "high" }],
    ["promoting, with an unknown step", withStep("quarantine")],
    ["an unknown phase", { ...closing({ epoch: 5 }), phase: "draining" }],
    ["an unknown phase that names no region", { ...serving({ epoch: 5 }), phase: "frozen", active: undefined }],
  ])("%s: a router closes and acknowledges", (_, document) => {
    const record = recordFrom(document);
    expect(newerVersionOf(record)).toMatch(upgrade);
    expect(routing(record)).toMatchObject({ kind: "close", epoch: 5, acknowledge: true });
  });

  test("in a packed form of its own: the part that every version reads is obeyed", () => {
    const text = encodeRecord({ ...large(), epoch: 5 }).replace('"packing":1', '"packing":2');
    const record = decodeRecord(text);
    expect(newerVersionOf(record)).toMatch(/packed in form 2/);
    expect(routing(record)).toMatchObject({ kind: "close", epoch: 5, regions: ["gra", "bhs"] });
    expect(text.startsWith(PACKED_MARK)).toBe(true);
    expect(recordFrom(embedded(record))).toEqual(record);
  });

  test("in a packed form of its own, however large: is kept and told as it was found", () => {
    const text = `${encodeRecord({ ...large(), epoch: 5 }).replace('"packing":1', '"packing":2')}${"x".repeat(40_000)}`;
    const record = decodeRecord(text);
    expect(encodeRecord(record)).toBe(text);
    expect(recordFrom(JSON.parse(JSON.stringify(embedded(record))))).toEqual(record);
  });

  test("is copied as it was found, without a loss", () => {
    const document = { ...serving({ epoch: 5 }), quorum: { sites: 3 } };
    expect(embedded(recordFrom(document))).toEqual(document);
    expect(JSON.parse(encodeRecord(recordFrom(document)))).toEqual(document);
  });

  test("that lacks what every version reads is refused", () => {
    expect(() => recordFrom({ ...serving(), epoch: "5" })).toThrow(/cannot read the state document: epoch/);
  });
});

function withStep(kind: string) {
  const record = promotedUpTo(null);
  return { ...record, epoch: 5, plan: { ...record.plan, steps: [{ kind, status: "running" }, ...record.plan.steps] } };
}
