import { describe, expect, test } from "vitest";
import {
  answerFailsafe,
  blockerBeforeAsking,
  blockerInAnswers,
  otherMembers,
  type PeerAnswer,
} from "../../watchdog/core/failsafe.ts";
import { decide } from "../../watchdog/core/rules/decide.ts";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import { closing, config, etcd, NOW_MS, observations, serving, standbyView } from "./core-fixtures.ts";

/**
 * Failsafe as text: the store is lost or back, a router asks, the other watchdogs answer, and the controller waits for
 * grants that still bind it. Rewritten by `vitest -u`, as the other incidents.
 */

const LEASE_TTL_MS = 10_000;
const names = ["gra", "bhs", "witness"] as const;
type Name = (typeof names)[number];

const watchdogs = names.map((name) => ({
  name,
  site: name,
  router: name === "witness" ? null : name,
  failsafeUrl: `https://${name}:9443`,
}));
const record = serving({ epoch: 4, watchdogs });
const lost = closing({ epoch: 5, watchdogs });

/** What happens, one kind a line. */
type Event =
  /** The router beside this watchdog asks whether it may go on. */
  | { readonly asks: Name; readonly activeBlocker?: string }
  /** A watchdog learns of a record, or comes up with none. */
  | { readonly learns: Name; readonly record: StateRecord | null }
  | { readonly cutOff: Name }
  | { readonly reachable: Name }
  /** The watchdog decides, with the store back and every other router's lease run out. */
  | { readonly decides: Name };
type Moment = readonly [atMs: number, event: Event];

class Failsafe {
  readonly lines: string[] = [];
  readonly #newest = new Map<Name, StateRecord | null>(names.map((name) => [name, record]));
  readonly #cutOff = new Set<Name>();
  readonly #grantedUntilMs = new Map<Name, number>();

  at(atMs: number, event: Event): void {
    this.lines.push(`${String(atMs / 1000).padStart(4)} s  ${this.#play(atMs, event).join("\n        ")}`);
  }

  #play(atMs: number, event: Event): readonly string[] {
    if ("asks" in event) return this.#ask(atMs, event.asks, event.activeBlocker ?? null);
    if ("decides" in event) return this.#decide(atMs, event.decides);
    if ("learns" in event) {
      this.#newest.set(event.learns, event.record);
      return [`${event.learns} knows ${describeRecord(event.record)}`];
    }
    if ("cutOff" in event) {
      this.#cutOff.add(event.cutOff);
      return [`${event.cutOff} is cut off`];
    }
    this.#cutOff.delete(event.reachable);
    return [`${event.reachable} is reachable`];
  }

  /** Asking binds as answering does. */
  #ask(atMs: number, self: Name, activeBlocker: string | null): readonly string[] {
    const newest = this.#newest.get(self) ?? null;
    const asks = `the router of ${self} asks under ${describeRecord(newest)}`;
    const before = blockerBeforeAsking(newest, self, activeBlocker);
    if (before !== null || newest?.phase !== "serving") return [asks, `closes: ${before}`];
    this.#grant(self, atMs);
    const answers = otherMembers(newest, self).map(({ name }) => this.#answer(atMs, self, newest.epoch, name));
    const blocker = blockerInAnswers(newest, self, answers);
    return [
      asks,
      ...answers.map(describeAnswer),
      blocker === null ? `goes on under epoch ${newest.epoch}` : `closes: ${blocker}`,
      `grants: ${this.#grants(atMs)}`,
    ];
  }

  #answer(atMs: number, by: Name, epoch: number, peer: string): PeerAnswer {
    const name = names.find((one) => one === peer);
    if (name === undefined || this.#cutOff.has(name) || this.#cutOff.has(by)) {
      return { watchdog: peer, answer: null, error: `https://${peer}:9443: no answer within 1000 ms` };
    }
    const self = { name, newest: this.#newest.get(name) ?? null, leaseTtlMs: LEASE_TTL_MS };
    const answer = answerFailsafe({ watchdog: by, epoch, validForMs: LEASE_TTL_MS }, self);
    if (answer.agrees) this.#grant(name, atMs);
    return { watchdog: name, answer, error: null };
  }

  #grant(name: Name, atMs: number): void {
    this.#grantedUntilMs.set(name, atMs + LEASE_TTL_MS);
  }

  #boundForMs(name: Name, atMs: number): number {
    return Math.max(0, (this.#grantedUntilMs.get(name) ?? 0) - atMs);
  }

  #grants(atMs: number): string {
    const bound = names.filter((name) => this.#boundForMs(name, atMs) > 0);
    return bound.map((name) => `${name} for ${this.#boundForMs(name, atMs)} ms`).join(", ") || "none";
  }

  #decide(atMs: number, name: Name): readonly string[] {
    const sites = (["bhs", "witness"] as const).map((site) => ({
      site,
      epoch: this.#newest.get(site)?.epoch ?? null,
      regions: { gra: "unhealthy", bhs: "healthy" } as const,
    }));
    const seen = observations({
      sites,
      routers: [],
      promisedForMs: this.#boundForMs(name, atMs),
      standby: { ...standbyView(), observedAtMs: NOW_MS + atMs },
    });
    const known = this.#newest.get(name) ?? null;
    const ruling = decide(known, seen, NOW_MS + atMs, { ...config, name, site: name, store: etcd });
    this.#newest.set(name, ruling.record);
    return [`${name} decides with ${describeRecord(known)}`, `${ruling.rule}: ${ruling.explanation}`];
  }
}

function describeRecord(known: StateRecord | null): string {
  if (known === null) return "no record";
  const members = known.watchdogs.map(({ name }) => name).join(", ");
  const what = known.phase === "serving" ? `serving ${known.active}` : `${known.phase} ${known.from} to ${known.to}`;
  return `epoch ${known.epoch} (${what}; members ${members})`;
}

function describeAnswer({ watchdog, answer, error }: PeerAnswer): string {
  if (answer === null) return `${watchdog}: ${error}`;
  if (!answer.agrees) return `${watchdog} refuses: ${answer.reason}`;
  return `${watchdog} agrees: ${answer.active} is active, members ${answer.known.join(", ")}`;
}

describe("incidents: failsafe", () => {
  test.each<[string, readonly Moment[]]>([
    [
      "etcd is lost and both routers go on while all agree",
      [
        [0, { asks: "gra" }],
        [0, { asks: "bhs" }],
        [3_000, { asks: "gra" }],
        [3_000, { asks: "bhs", activeBlocker: "gra is not well: no node answers: connection refused" }],
        [6_000, { cutOff: "witness" }],
        [6_000, { asks: "gra" }],
      ],
    ],
    [
      "a watchdog that knows a newer epoch refuses",
      [
        [0, { asks: "gra" }],
        [2_000, { learns: "witness", record: lost }],
        [3_000, { asks: "gra" }],
        [4_000, { learns: "gra", record: lost }],
        [6_000, { asks: "gra" }],
      ],
    ],
    [
      "etcd returns and the controller waits until its grants have run out",
      [
        [0, { asks: "gra" }],
        [1_000, { cutOff: "gra" }],
        [2_000, { learns: "bhs", record: lost }],
        [2_000, { learns: "witness", record: lost }],
        [3_000, { decides: "bhs" }],
        [6_000, { decides: "bhs" }],
        [10_000, { decides: "bhs" }],
      ],
    ],
    [
      "a new watchdog is not a member yet",
      [
        [0, { learns: "gra", record: serving({ epoch: 4, watchdogs: watchdogs.slice(1) }) }],
        [0, { asks: "gra" }],
        [1_000, { learns: "gra", record: serving({ epoch: 4, watchdogs }) }],
        [1_000, { learns: "bhs", record: serving({ epoch: 4, watchdogs: watchdogs.slice(1) }) }],
        [1_000, { asks: "gra" }],
        [
          2_000,
          {
            learns: "bhs",
            record: serving({
              epoch: 4,
              watchdogs: [...watchdogs, { name: "bhs-2", site: "bhs", router: "bhs-2", failsafeUrl: null }],
            }),
          },
        ],
        [3_000, { asks: "gra" }],
      ],
    ],
    [
      "a watchdog restarts without a copy of the record",
      [
        [0, { asks: "bhs" }],
        [1_000, { learns: "gra", record: null }],
        [3_000, { asks: "bhs" }],
        [3_000, { asks: "gra" }],
        [5_000, { learns: "gra", record }],
        [6_000, { asks: "bhs" }],
      ],
    ],
  ])("%s", async (name, moments) => {
    const failsafe = new Failsafe();
    for (const [atMs, event] of moments) failsafe.at(atMs, event);
    const text = `${failsafe.lines.join("\n")}\n`;
    await expect(text).toMatchFileSnapshot(`incidents/failsafe/${name.replaceAll(" ", "-")}.txt`);
  });
});
