import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Acknowledgements, applicationsReport } from "../../watchdog/applications/acknowledgements.ts";
import { renderAnswers } from "../../watchdog/applications/endpoint/answers.ts";
import { BadQuery, parseQuery, urlOf } from "../../watchdog/applications/endpoint/query.ts";
import { withinBytes } from "../../watchdog/applications/endpoint/sharing.ts";
import { combine } from "../../watchdog/applications/publisher/sources/combine.ts";
import {
  type EndpointState,
  endpointState,
  endpointStateSchema,
  type RoutingState,
} from "../../watchdog/core/endpoint-state.ts";
import { stateRecord } from "../integration/support/state-record.ts";

const addresses = { gra: { host: "10.81.0.10", port: 9200 }, bhs: { host: "10.82.0.10", port: 9200 } };
const serving = stateRecord(3, 1);
if (serving.phase !== "serving") throw new Error("the fixture must be serving");
const { active } = serving;
const closing = {
  ...stateRecord(4, 1),
  phase: "closing" as const,
  change: "failover" as const,
  standbyBefore: { state: "in-sync" as const, inSyncAtMs: null },
  from: active,
  to: "bhs",
  automatic: true,
  leaderSight: null,
  abort: null,
};
const ticket = { region: active, epoch: 3, validUntilMs: 1_000 };

describe("the endpoint names a region", () => {
  const stateOf = (view: Partial<RoutingState>) =>
    endpointState({ record: serving, ticket, nowMs: 999, ...view }, addresses);

  test("while the router beside the watchdog may route there", () => {
    expect(stateOf({})).toEqual({ phase: "serving", epoch: 3, region: active, ...addresses.gra });
  });

  test.each<[string, Partial<RoutingState>, EndpointState]>([
    ["once its ticket has expired, for any record", { nowMs: 1_000 }, { phase: "unknown", epoch: 3 }],
    ["without a ticket", { ticket: null }, { phase: "unknown", epoch: 3 }],
    ["by a ticket of another epoch", { ticket: { ...ticket, epoch: 2 } }, { phase: "unknown", epoch: 3 }],
    ["by a ticket for another region", { ticket: { ...ticket, region: "bhs" } }, { phase: "unknown", epoch: 3 }],
    ["once the record is closing, even while its ticket is valid", { record: closing }, { phase: "closing", epoch: 4 }],
    ["while there is no record", { record: null }, { phase: "unknown", epoch: 0 }],
  ])("but not %s", (_, view, expected) => {
    expect(stateOf(view)).toEqual(expected);
  });
});

const state: fc.Arbitrary<EndpointState> = fc.oneof(
  fc.record({
    phase: fc.constant("serving" as const),
    epoch: fc.integer({ min: 1, max: 20 }),
    region: fc.constantFrom("gra", "bhs"),
    host: fc.constantFrom("10.81.0.10", "2001:db8::1"),
    port: fc.integer({ min: 1, max: 65_535 }),
  }),
  fc.record({
    phase: fc.constantFrom("closing" as const, "promoting" as const),
    epoch: fc.integer({ min: 1, max: 20 }),
  }),
  fc.record({ phase: fc.constant("unknown" as const), epoch: fc.integer({ min: 0, max: 20 }) }),
);

describe("an answer", () => {
  test("as JSON is read by the publisher as the same state", () => {
    fc.assert(
      fc.property(state, (given) => {
        expect(endpointStateSchema.parse(JSON.parse(renderAnswers(given).json.body.toString()))).toEqual(given);
      }),
    );
  });

  test("without a region is a 503 with Retry-After, in every format", () => {
    for (const given of [{ phase: "closing", epoch: 2 } as const, { phase: "unknown", epoch: 0 } as const]) {
      for (const answer of Object.values(renderAnswers(given))) {
        expect(answer.status).toBe(503);
        expect(answer.headers["retry-after"]).toBe(1);
        expect(answer.body.toString()).not.toMatch(/gra|bhs|10\./);
      }
    }
  });

  test("has a different tag for each format and each state", () => {
    fc.assert(
      fc.property(state, state, (a, b) => {
        const tags = [a, b].map((given) => Object.values(renderAnswers(given)).map(({ etag }) => etag));
        expect(new Set(tags[0]).size).toBe(4);
        const same = JSON.stringify(renderAnswers(a)) === JSON.stringify(renderAnswers(b));
        expect(tags[0]?.[0] === tags[1]?.[0]).toBe(same);
      }),
    );
  });

  test("puts an IPv6 address in brackets", () => {
    const given: EndpointState = { phase: "serving", epoch: 1, region: "gra", host: "2001:db8::1", port: 9200 };
    expect(renderAnswers(given).plain.body.toString()).toBe("[2001:db8::1]:9200\n");
    expect(renderAnswers(given).ini.body.toString()).toContain("Host = 2001:db8::1\n");
  });
});

describe("a query", () => {
  const parse = (query: string, accept?: string) => parseQuery(new URLSearchParams(query), accept);

  test("is answered as JSON unless it requests plain text or another format", () => {
    expect(parse("").format).toBe("json");
    expect(parse("", "*/*").format).toBe("json");
    expect(parse("", "text/plain").format).toBe("plain");
    expect(parse("", "application/json, text/plain;q=0.5").format).toBe("json");
    expect(parse("format=ini", "text/plain").format).toBe("ini");
  });

  test("may come as a path, or as the whole URL that a client of a proxy sends", () => {
    for (const target of [
      "/v1/endpoint?wait=1s",
      "http://10.0.0.1:9201/v1/endpoint?wait=1s",
      "HTTPS://x/v1/endpoint?wait=1s",
    ]) {
      const { pathname, search } = urlOf(target);
      expect([pathname, search]).toEqual(["/v1/endpoint", "?wait=1s"]);
    }
    expect(() => urlOf("http://")).toThrow(BadQuery);
  });

  test("waits as long as requested, at most a minute", () => {
    const poll = (wait: string) => parse(`wait=${wait}&epoch=7`).poll;
    expect(poll("30s")).toEqual({ waitMs: 30_000, epoch: 7 });
    expect(poll("500ms")?.waitMs).toBe(500);
    expect(poll("5")?.waitMs).toBe(5_000);
    expect(poll("10m")?.waitMs).toBe(60_000);
  });

  test.each(["wait=30s", "wait=soon&epoch=1", "wait=1s&epoch=-1", "wait=1s&epoch=1e3", "format=xml"])(
    "such as %s is refused with the reason",
    (query) => {
      expect(() => parse(query)).toThrow(BadQuery);
    },
  );
});

describe("combining several sources", () => {
  test("takes the highest epoch, and never a region of a lower one", () => {
    fc.assert(
      fc.property(fc.array(fc.option(state)), (answers) => {
        const known = answers.flatMap((one) => (one === null || one.phase === "unknown" ? [] : [one]));
        const highest = Math.max(0, ...known.map(({ epoch }) => epoch));
        const { state: combined, conflict } = combine(answers);
        if (conflict === null) expect(combined?.epoch ?? 0).toBe(highest);
        else expect(combined).toBeNull();
        if (combined !== null) expect(answers).toContainEqual(combined);
      }),
    );
  });

  test("takes none of two regions with the same epoch", () => {
    const at = (region: string): EndpointState => ({ phase: "serving", epoch: 3, region, host: "h", port: 1 });
    expect(combine([at("gra"), at("bhs")]).conflict).toMatch(/to gra and bhs:/);
    expect(combine([at("gra"), { phase: "serving", epoch: 2, region: "bhs", host: "h", port: 1 }]).state).toEqual(
      at("gra"),
    );
  });
});

describe("acknowledgements", () => {
  const hour = 3_600_000;
  const day = 24 * hour;
  const report = (instance: string, epoch: number, application = "orders") => ({
    ...{ application, instance, epoch, problem: null, confirmed: true },
  });

  test("show which instances are behind, and none while no region serves", () => {
    const acknowledgements = new Acknowledgements();
    acknowledgements.receive(report("a", 2), 10);
    acknowledgements.receive(report("b", 3), 20);
    const behind = (epoch: number | null) =>
      applicationsReport(acknowledgements.all(30), epoch).instances.map((one) => [one.instance, one.behind]);
    expect(behind(3)).toEqual([
      ["a", true],
      ["b", false],
    ]);
    expect(behind(null)).toEqual([
      ["a", false],
      ["b", false],
    ]);
  });

  test("of an instance count by its last report, to any watchdog", () => {
    const acknowledgements = new Acknowledgements();
    acknowledgements.receive(report("a", 2), 10);
    acknowledgements.setFromPeers([{ ...report("a", 3), atMs: 20, sinceMs: 20 }]);
    expect(acknowledgements.all(30)).toEqual([{ ...report("a", 3), atMs: 20, sinceMs: 20 }]);
    acknowledgements.setFromPeers([{ ...report("a", 1), atMs: 5, sinceMs: 5 }]);
    expect(acknowledgements.all(30)).toEqual([{ ...report("a", 2), atMs: 10, sinceMs: 10 }]);
  });

  test("of a process that reported once are dropped after an hour of silence, of one that reported for days later", () => {
    const acknowledgements = new Acknowledgements();
    acknowledgements.receive(report("once", 1), 0);
    for (let atMs = 0; atMs <= 2 * day; atMs += hour / 2) acknowledgements.receive(report("steady", 1), atMs);
    const kept = (nowMs: number) => acknowledgements.all(nowMs).map(({ instance }) => instance);
    expect(kept(hour - 1)).toEqual(["once", "steady"]);
    expect(kept(2 * day + hour)).toEqual(["steady"]);
    expect(kept(4 * day - 1)).toEqual(["steady"]);
    expect(kept(4 * day)).toEqual([]);
  });

  test("of an instance that changed its watchdog, or whose watchdog restarted, count from its first report", () => {
    const acknowledgements = new Acknowledgements();
    acknowledgements.setFromPeers([{ ...report("a", 1), atMs: 5 * hour, sinceMs: 0 }]);
    acknowledgements.receive(report("a", 1), 5 * hour + 1);
    expect(acknowledgements.all(5 * hour + 1)).toMatchObject([{ instance: "a", sinceMs: 0 }]);
  });

  test("are bounded in number: short-lived processes give way to others, and never crowd one out that reports regularly", () => {
    const acknowledgements = new Acknowledgements();
    for (const atMs of [0, hour - 1, 2 * hour - 2]) acknowledgements.receive(report("host1", 1, "steady"), atMs);
    const nowMs = 2 * hour;
    acknowledgements.receive(report("rare", 1, "few"), nowMs);
    for (let n = 0; n < 20_000; n++) expect(acknowledgements.receive(report(`p${n}`, 1, "cron"), nowMs + n)).toBe(true);
    const all = acknowledgements.all(nowMs + 20_000);
    expect(all.length).toBeGreaterThan(4_900);
    expect(all.length).toBeLessThanOrEqual(5_000);
    expect(all.filter(({ application }) => application !== "cron").map(({ instance }) => instance)).toEqual([
      "rare",
      "host1",
    ]);
    expect(all.some(({ instance }) => instance === "p19999")).toBe(true);
  }, 60_000);

  test("are refused when all that there is room for report regularly, and fit into the store however long they are", () => {
    const acknowledgements = new Acknowledgements();
    const long = { problem: "x".repeat(500) };
    for (const atMs of [0, hour - 1, 2 * hour - 2])
      for (let n = 0; n < 5_000; n++) acknowledgements.receive({ ...report(`i${n}`, 1), ...long }, atMs);
    expect(acknowledgements.receive(report("one-too-many", 1), 2 * hour)).toBe(false);
    expect(acknowledgements.receive(report("i0", 2), 2 * hour)).toBe(true);
    const shared = withinBytes(acknowledgements.own());
    expect(shared.length).toBeGreaterThan(1_000);
    expect(JSON.stringify(shared).length).toBeLessThan(1_000_100);
  });
});
