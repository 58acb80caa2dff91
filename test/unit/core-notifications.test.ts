import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type EventKind, notificationsSchema } from "../../watchdog/config/notifications.ts";
import type { Notification } from "../../watchdog/core/notifications/event.ts";
import { notice, noticeUndecided } from "../../watchdog/core/notifications/notice.ts";
import { plainText } from "../../watchdog/core/notifications/texts/plain.ts";
import type { Present, View } from "../../watchdog/core/notifications/view.ts";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import { afterFailover, closing, NOW_MS, promoting, serving } from "./core-fixtures.ts";

const settings = notificationsSchema.parse({});
const MINUTE = 60_000;

const ready = { ready: true, explanation: "if gra were lost now, the other region would take over, in 12 steps" };
const unready = { ready: false, explanation: "if gra were lost now, no region would take over: refuse-not-in-sync: …" };
const steady = { rule: "steady", explanation: "gra serves" };
const refused = { rule: "refuse-not-in-sync", explanation: "gra is unhealthy: no node answers; no failover: …" };

const present = (changes: Partial<Present> = {}): Present => ({
  record: serving(),
  ruling: steady,
  readiness: ready,
  nowMs: NOW_MS,
  watchdog: "witness-1",
  ...changes,
});

/** What is noticed at each of these moments in turn, and the view at the end. */
function told(moments: readonly Present[]): { readonly view: View | null; readonly events: readonly Notification[] } {
  let view: View | null = null;
  const events: Notification[] = [];
  for (const moment of moments) {
    const noticed = notice(view, moment, settings);
    view = noticed.view;
    events.push(...noticed.events);
  }
  return { view, events };
}

const kinds = (moments: readonly Present[]) => told(moments).events.map(({ kind }) => kind);

describe("the events that people are told of", () => {
  test("none at first: an earlier failover and a standby that is missing are no news", () => {
    expect(kinds([present({ record: afterFailover(), readiness: unready })])).toEqual([]);
  });

  test("a failover, with cause, regions, duration and what the old region alone may hold", () => {
    const { events } = told([
      present(),
      present({ record: closing() }),
      present({ record: promoting() }),
      present({ record: afterFailover() }),
      present({ record: afterFailover() }),
    ]);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      id: `failover-${NOW_MS}`,
      severity: "critical",
      epoch: 3,
      from: "gra",
      to: "bhs",
      active: "bhs",
      title: "Failover: bhs serves in place of gra",
      loss: { atLeast: 5, atMost: 605 },
      runbook: "docs/runbook.md#esfailoverhappened",
    });
    expect(plainText(events[0] as Notification)).toMatchInlineSnapshot(`
      "Cause: gra is the configured first primary.
      It began at 2030-01-01 11:59:56 UTC and took 4.0 s; decided by the watchdogs.
      Writes that only gra may hold: between 5 and 605 operations; besides, missing as a whole, with at least 0 operations: logs-2 (it was not followed).
      Missing in bhs: logs-2.

      What to do: There is no standby until gra is back: repair it. It then rejoins by itself, \`es-failover status\` shows how far it is, and \`es-failover salvage list\` the writes that only it held.

      Runbook: docs/runbook.md#esfailoverhappened

      Noticed by witness-1 at 2030-01-01 12:00:00 UTC, epoch 3. Event failover-1893499200000, critical."
    `);
  });

  test("a failover of which only the end was seen, as by a new controller", () => {
    expect(kinds([present(), present({ record: afterFailover() })])).toEqual(["failover"]);
  });

  test("a failover that a store had which was set back meanwhile, once", () => {
    const earlier = afterFailover();
    const lastFailover = earlier.lastFailover && { ...earlier.lastFailover, finishedAtMs: NOW_MS - 1_000 };
    const setBack = present({ record: { ...earlier, lastFailover } });
    expect(kinds([present(), present({ record: afterFailover() }), setBack])).toEqual(["failover"]);
  });

  test("the old region in sync again after a failover, once", () => {
    const back = afterFailover({ standby: "in-sync" });
    const moments = [present(), present({ record: afterFailover() }), present({ record: back })];
    const { events } = told([...moments, present({ record: afterFailover() }), present({ record: back })]);
    expect(events.map(({ kind }) => kind)).toEqual(["failover", "rejoin"]);
    expect(events[1]?.title).toBe("gra is in sync: it is the standby of bhs");
  });

  test("a change that went back, with the reason", () => {
    const back = serving({ epoch: 3, cause: "failover called off: gra is healthy again" });
    const { events } = told([present(), present({ record: closing() }), present({ record: back })]);
    expect(events).toMatchObject([{ kind: "change-undone", title: "The failover from gra to bhs went back" }]);
    expect(events[0]?.text).toBe("Failover called off: gra is healthy again.\ngra serves.");
  });

  test("a change that takes longer than three minutes, once, and its end", () => {
    const at = (minutes: number, record: StateRecord) => present({ record, nowMs: NOW_MS + minutes * MINUTE });
    const moments = [
      at(0, serving()),
      at(0, closing()),
      at(2.5, promoting()),
      at(3.5, promoting()),
      at(4, promoting()),
    ];
    expect(kinds([...moments, at(5, afterFailover())])).toEqual(["change-stuck", "failover"]);
  });

  test("a failover that is refused for a minute, by whichever rules, and the end of it", () => {
    const at = (seconds: number, ruling: Present["ruling"]) =>
      present({ ruling, nowMs: NOW_MS + seconds * 1_000, readiness: null });
    const both = { rule: "refuse-both-unhealthy", explanation: "both regions are unhealthy" };
    const short = [at(0, refused), at(30, steady), at(95, steady), at(200, refused), at(230, steady)];
    expect(kinds(short)).toEqual([]);
    const long = [at(0, refused), at(20, steady), at(40, both), at(61, refused), at(90, both), at(100, steady)];
    expect(kinds(long)).toEqual(["failover-refused"]);
    expect(kinds([...long, at(161, steady), at(300, steady)])).toEqual(["failover-refused", "refusal-over"]);
  });

  test("lost protection only after ten minutes, and its return after one: shorter ones are no event", () => {
    const at = (minutes: number, readiness: Present["readiness"]) =>
      present({ readiness, nowMs: NOW_MS + minutes * MINUTE });
    expect(kinds([at(0, ready), at(1, unready), at(10, unready), at(10.5, ready), at(11, unready)])).toEqual([]);
    const lost = [at(0, ready), at(1, unready), at(6, null), at(11, unready), at(30, unready)];
    expect(kinds(lost)).toEqual(["not-ready"]);
    expect(kinds([...lost, at(31, ready), at(31.5, unready), at(32, ready), at(33, ready)])).toEqual([
      "not-ready",
      "ready",
    ]);
  });

  test("have the same id wherever the same is compared, also without a controller", () => {
    const { view } = told([present()]);
    const undecided = (watchdog: string, nowMs: number) => {
      const first = noticeUndecided(view, present({ readiness: unready, watchdog, nowMs }), settings);
      const later = present({ readiness: unready, watchdog, nowMs: nowMs + 10 * MINUTE });
      return noticeUndecided(first.view, later, settings).events.map(({ id }) => id);
    };
    expect(undecided("gra-haproxy-1", NOW_MS + 1_000)).toEqual([`not-ready-${NOW_MS}`]);
    expect(undecided("bhs-haproxy-1", NOW_MS + 7_000)).toEqual([`not-ready-${NOW_MS}`]);
  });
});

/** What may happen to the state from one moment to the next. */
type Happening = "closes" | "opens" | "goes back" | "in sync" | "behind" | "refused" | "ready" | "unready" | "nothing";

interface Told {
  record: StateRecord;
  present: Present;
  /** Changes that finished, by their ids. */
  readonly finished: string[];
}

function happen(told: Told, what: Happening, waitMs: number): void {
  const nowMs = told.present.nowMs + waitMs;
  const { record } = told;
  const other = { gra: "bhs", bhs: "gra" };
  if (what === "closes" && record.phase === "serving") {
    const from = record.active === "gra" ? "gra" : "bhs";
    const { lastFailover, epoch } = record;
    told.record = closing({ from, to: other[from], startedAtMs: nowMs, lastFailover, epoch: epoch + 1 });
  } else if (what === "opens" && record.phase !== "serving") {
    const last = afterFailover().lastFailover;
    if (last === null) throw new Error("unreachable");
    told.finished.push(`failover-${nowMs}`);
    const lastFailover = { ...last, from: record.from, to: record.to, finishedAtMs: nowMs };
    told.record = serving({ active: record.to, standby: "absent", epoch: record.epoch + 1, lastFailover });
  } else if (what === "goes back" && record.phase !== "serving") {
    const { lastFailover, epoch, from } = record;
    told.record = serving({ active: from, standby: "absent", epoch: epoch + 1, lastFailover });
  } else if ((what === "in sync" || what === "behind") && record.phase === "serving") {
    told.record = { ...record, standby: what === "in sync" ? "in-sync" : "following" };
  }
  const isServing = told.record.phase === "serving";
  const readiness = what === "ready" ? ready : what === "unready" ? unready : told.present.readiness;
  const ruling = what === "refused" && isServing ? refused : what === "nothing" ? told.present.ruling : steady;
  told.present = { ...told.present, record: told.record, nowMs, readiness: isServing ? readiness : null, ruling };
}

test("over any sequence of states, with controllers that die before they have written it down, each event comes once", () => {
  const changes = fc.constantFrom<Happening>("closes", "opens", "goes back", "in sync", "behind", "refused");
  const readinesses = fc.constantFrom<Happening>("ready", "unready");
  // Long enough in one state that there is something to tell.
  const happenings = fc.oneof(changes, readinesses, { arbitrary: fc.constant<Happening>("nothing"), weight: 3 });
  const step = fc.record({ what: happenings, waitMs: fc.integer({ min: 1, max: 15 * MINUTE }), dies: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
      const state: Told = { record: serving(), present: present(), finished: [] };
      let view = notice(null, state.present, settings).view;
      const events: Notification[] = [];
      for (const { what, waitMs, dies } of steps) {
        happen(state, what, waitMs);
        // What it found is found again by the next one.
        if (dies) notice(view, { ...state.present, watchdog: "gra-haproxy-1" }, settings);
        const noticed = notice(view, state.present, settings);
        view = noticed.view;
        events.push(...noticed.events);
      }
      const ids = events.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      const of = (...wanted: EventKind[]) => events.filter(({ kind }) => wanted.some((each) => each === kind));
      expect(of("failover").map(({ id }) => id)).toEqual(state.finished);
      for (const [kind, other] of [["not-ready", "ready"] as const, ["failover-refused", "refusal-over"] as const]) {
        const alternating = of(kind, other).map((event) => event.kind);
        expect(alternating).toEqual(alternating.map((_, position) => (position % 2 === 0 ? kind : other)));
      }
    }),
  );
});
