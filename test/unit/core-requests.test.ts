import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planRejoin } from "../../watchdog/core/plans/rejoin.ts";
import { planUndo } from "../../watchdog/core/plans/switchover.ts";
import { type Applied, applyCommand, type Command, REQUEST_VALID_MS } from "../../watchdog/core/requests.ts";
import { stepOf } from "../../watchdog/core/state/plan.ts";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import { afterFailover, closing, NOW_MS, promoting, serving, standbyView } from "./core-fixtures.ts";

const origin = { by: "ada", atMs: NOW_MS };
const background = { regions: ["gra", "bhs"], silence: { "old-hap": 60_000 } };
const apply = (record: StateRecord | null, command: Command): Applied =>
  applyCommand(record, command, origin, background);
const switchover = { kind: "switchover", to: "bhs", force: false, reason: null } as const;

function refusals(applied: Applied): string {
  return applied.accepted ? "accepted" : applied.reasons.join("; ");
}

function recordOf(applied: Applied): StateRecord {
  if (!applied.accepted) throw new Error(`refused: ${applied.reasons.join("; ")}`);
  return applied.record;
}

describe("an operator's command", () => {
  test("to pause records operator, time and reason, is refused a second time, and ends with resume", () => {
    const paused = recordOf(apply(serving(), { kind: "pause", reason: "moving racks" }));
    expect(paused.paused).toEqual({ sinceMs: NOW_MS, by: "ada", reason: "moving racks" });
    expect(refusals(apply(paused, { kind: "pause", reason: "again" }))).toMatch(/has been paused by ada.*moving racks/);
    expect(recordOf(apply(paused, { kind: "resume" })).paused).toBeNull();
    expect(refusals(apply(serving(), { kind: "resume" }))).toMatch(/not paused/);
    expect(refusals(apply(serving(), { kind: "pause", reason: " " }))).toMatch(/needs a reason/);
  });

  test("to acknowledge ends the block period, and is refused when there is none", () => {
    expect(recordOf(apply(serving({ blockedUntilMs: NOW_MS + 1 }), { kind: "ack" })).blockedUntilMs).toBeNull();
    for (const blockedUntilMs of [null, NOW_MS]) {
      expect(refusals(apply(serving({ blockedUntilMs }), { kind: "ack" }))).toMatch(/no block period/);
    }
  });

  test("decides a rejoin that waits for it, and is refused when none does", () => {
    const former = standbyView({ region: "gra", followers: [], autoFollow: [] });
    const rejoining = (policy: "wait" | "keep") => {
      const record = serving({ active: "bhs" });
      return { ...record, plan: planRejoin(record, former, policy, NOW_MS) };
    };
    const decided = recordOf(apply(rejoining("wait"), { kind: "rejoin", policy: "keep" }));
    const step = decided.phase === "serving" && decided.plan !== null ? stepOf(decided.plan, "clear") : null;
    expect(step).toMatchObject({ policy: "keep", status: "pending" });
    expect(refusals(apply(decided, { kind: "rejoin", policy: "delete" }))).toMatch(/waits for no decision/);
    expect(refusals(apply(rejoining("keep"), { kind: "rejoin", policy: "delete" }))).toMatch(/waits for no decision/);
    expect(refusals(apply(serving(), { kind: "rejoin", policy: "delete" }))).toMatch(/no former primary rejoins/);
  });

  test("to forget a watchdog ends its membership, unless it reports or a change is under way", () => {
    const watchdogs = ["gra-hap", "old-hap"].map((name) => ({ name, site: "gra", router: name, failsafeUrl: null }));
    const record = serving({ watchdogs });
    const forget = (watchdog: string) => ({ kind: "forget", watchdog }) as const;
    expect(recordOf(apply(record, forget("old-hap"))).watchdogs.map(({ name }) => name)).toEqual(["gra-hap"]);
    expect(refusals(apply(record, forget("gra-hap")))).toMatch(/gra-hap reports.*stop its service/);
    expect(refusals(apply(record, forget("wit")))).toMatch(/no watchdog wit is registered: gra-hap, old-hap are/);
    expect(refusals(apply({ ...closing(), watchdogs }, forget("old-hap")))).toMatch(/a change is under way/);
  });

  test("for a change is kept in the record for a limited time, and can be withdrawn until it is handled", () => {
    const record = recordOf(apply(serving(), { ...switchover, reason: "drill" }));
    expect(record).toMatchObject({
      phase: "serving",
      active: "gra",
      request: { kind: "switchover", to: "bhs", by: "ada", reason: "drill", validUntilMs: NOW_MS + REQUEST_VALID_MS },
    });
    const withdrawn = recordOf(apply(record, { kind: "withdraw" }));
    expect(withdrawn).toMatchObject({ request: null });
    expect(refusals(apply(withdrawn, { kind: "withdraw" }))).toMatch(/no request to withdraw/);
  });

  test("for a change that is not possible is refused with the reason", () => {
    expect(refusals(apply(null, switchover))).toMatch(/no state document/);
    expect(refusals(apply(serving(), { ...switchover, to: "fra" }))).toMatch(/fra is not a region/);
    expect(refusals(apply(serving(), { ...switchover, to: "gra" }))).toMatch(/already the active region/);
    expect(refusals(apply(closing(), switchover))).toMatch(/already under way/);
    expect(refusals(apply(promoting(), switchover))).toMatch(/already under way/);
    const waiting = recordOf(apply(serving(), switchover));
    expect(refusals(apply(waiting, { ...switchover, kind: "failover" }))).toMatch(
      /ada has just asked for a switchover to bhs/,
    );
  });

  test("to abort is kept in the record of a change under way, and refused where there is nothing to abort", () => {
    const abort = { kind: "abort", reason: "gra is back" } as const;
    for (const record of [closing(), promoting()]) {
      const asked = recordOf(apply(record, abort));
      expect(asked).toMatchObject({
        phase: record.phase,
        abort: { by: "ada", reason: "gra is back", validUntilMs: NOW_MS + REQUEST_VALID_MS },
      });
      expect(refusals(apply(asked, abort))).toMatch(/ada has just asked to abort/);
    }
    expect(refusals(apply(serving(), abort))).toMatch(/no change is under way: gra serves$/);
    expect(refusals(apply(recordOf(apply(serving(), switchover)), abort))).toMatch(/`es-failover withdraw` cancels/);
    const undo = promoting({ change: "switchover", plan: planUndo(promoting(), NOW_MS) });
    expect(refusals(apply(undo, abort))).toMatch(/already turns back to gra/);
  });

  test("to abort is refused once the new region has taken writes, with the way back that loses none", () => {
    expect(refusals(apply(afterFailover(), { kind: "abort", reason: null }))).toMatch(
      /bhs serves since the failover from gra, and going back would lose the writes .*: once gra is in sync, `es-failover switchover --to gra` loses none/,
    );
  });

  test("replaces a request that no controller handled in time", () => {
    const old = { ...switchover, by: "bob", atMs: NOW_MS - REQUEST_VALID_MS, validUntilMs: NOW_MS };
    expect(recordOf(apply(serving({ request: old }), switchover))).toMatchObject({ request: { by: "ada" } });
  });

  const commands: fc.Arbitrary<Command> = fc.oneof(
    fc.record({ kind: fc.constant("pause" as const), reason: fc.string() }),
    fc.constantFrom({ kind: "resume" } as const, { kind: "ack" } as const, { kind: "withdraw" } as const),
    fc.constant({ kind: "abort", reason: null } as const),
    fc.record({
      kind: fc.constantFrom("failover" as const, "switchover" as const),
      to: fc.constantFrom("gra", "bhs", "fra"),
      force: fc.boolean(),
      reason: fc.option(fc.string()),
    }),
  );

  test("never changes the region that accepts writes, and always makes a newer document", () => {
    const records = fc.constantFrom(serving(), closing(), promoting(), serving({ blockedUntilMs: NOW_MS + 5 }));
    fc.assert(
      fc.property(records, fc.array(commands, { maxLength: 6 }), (first, given) => {
        let record: StateRecord = first;
        for (const command of given) {
          const applied = apply(record, command);
          if (!applied.accepted) {
            expect(applied.reasons.length).toBeGreaterThan(0);
            continue;
          }
          expect(applied.record.sequence).toBe(record.sequence + 1);
          expect(applied.record).toMatchObject({ epoch: first.epoch, phase: first.phase });
          if (first.phase === "serving") expect(applied.record).toMatchObject({ active: first.active });
          record = applied.record;
        }
      }),
    );
  });
});
