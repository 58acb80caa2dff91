import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Acknowledgements, applicationsReport } from "../../watchdog/applications/acknowledgements.ts";
import { renderAnswers } from "../../watchdog/applications/endpoint/answers.ts";
import { BadQuery, parseQuery } from "../../watchdog/applications/endpoint/query.ts";
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
if (serving.phase !== "serving") throw new Error("the fixture is to serve");
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
};
const ticket = { region: active, epoch: 3, validUntilMs: 1_000 };

describe("a region is named", () => {
  const stateOf = (view: Partial<RoutingState>) =>
    endpointState({ record: serving, ticket, nowMs: 999, ...view }, addresses);

  test("while the router beside the watchdog may route there", () => {
    expect(stateOf({})).toEqual({ phase: "serving", epoch: 3, region: active, ...addresses.gra });
  });

  test.each<[string, Partial<RoutingState>, EndpointState]>([
    ["once its ticket has run out, whatever the record says", { nowMs: 1_000 }, { phase: "unknown", epoch: 3 }],
    ["without a ticket", { ticket: null }, { phase: "unknown", epoch: 3 }],
    ["by a ticket of another epoch", { ticket: { ...ticket, epoch: 2 } }, { phase: "unknown", epoch: 3 }],
    ["by a ticket for another region", { ticket: { ...ticket, region: "bhs" } }, { phase: "unknown", epoch: 3 }],
    [
      "once the record says closing, though its ticket still holds",
      { record: closing },
      { phase: "closing", epoch: 4 },
    ],
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
  test("as JSON is understood by the publisher as what it was made from", () => {
    fc.assert(
      fc.property(state, (given) => {
        expect(endpointStateSchema.parse(JSON.parse(renderAnswers(given).json.body.toString()))).toEqual(given);
      }),
    );
  });

  test("that names no region is a 503 that says when to ask again, in every format", () => {
    for (const given of [{ phase: "closing", epoch: 2 } as const, { phase: "unknown", epoch: 0 } as const]) {
      for (const answer of Object.values(renderAnswers(given))) {
        expect(answer.status).toBe(503);
        expect(answer.headers["retry-after"]).toBe(1);
        expect(answer.body.toString()).not.toMatch(/gra|bhs|10\./);
      }
    }
  });

  test("has another tag in another format and for another state", () => {
    fc.assert(
      fc.property(state, state, (a, b) => {
        const tags = [a, b].map((given) => Object.values(renderAnswers(given)).map(({ etag }) => etag));
        expect(new Set(tags[0]).size).toBe(4);
        const same = JSON.stringify(renderAnswers(a)) === JSON.stringify(renderAnswers(b));
        expect(tags[0]?.[0] === tags[1]?.[0]).toBe(same);
      }),
    );
  });

  test("puts brackets round an address of IPv6", () => {
    const given: EndpointState = { phase: "serving", epoch: 1, region: "gra", host: "2001:db8::1", port: 9200 };
    expect(renderAnswers(given).plain.body.toString()).toBe("[2001:db8::1]:9200\n");
    expect(renderAnswers(given).ini.body.toString()).toContain("Host = 2001:db8::1\n");
  });
});

describe("a question", () => {
  const parse = (query: string, accept?: string) => parseQuery(new URLSearchParams(query), accept);

  test("is answered as JSON unless plain text or a format is asked for", () => {
    expect(parse("").format).toBe("json");
    expect(parse("", "*/*").format).toBe("json");
    expect(parse("", "text/plain").format).toBe("plain");
    expect(parse("", "application/json, text/plain;q=0.5").format).toBe("json");
    expect(parse("format=ini", "text/plain").format).toBe("ini");
  });

  test("waits for as long as it says, a minute at most", () => {
    const poll = (wait: string) => parse(`wait=${wait}&epoch=7`).poll;
    expect(poll("30s")).toEqual({ waitMs: 30_000, epoch: 7 });
    expect(poll("500ms")?.waitMs).toBe(500);
    expect(poll("5")?.waitMs).toBe(5_000);
    expect(poll("10m")?.waitMs).toBe(60_000);
  });

  test.each(["wait=30s", "wait=soon&epoch=1", "wait=1s&epoch=-1", "wait=1s&epoch=1e3", "format=xml"])(
    "such as %s is refused with what is wrong",
    (query) => {
      expect(() => parse(query)).toThrow(BadQuery);
    },
  );
});

describe("of several sources", () => {
  test("the highest epoch counts, and no region of a lower one is ever taken", () => {
    fc.assert(
      fc.property(fc.array(fc.option(state)), (said) => {
        const known = said.flatMap((one) => (one === null || one.phase === "unknown" ? [] : [one]));
        const highest = Math.max(0, ...known.map(({ epoch }) => epoch));
        const { state: combined, contradiction } = combine(said);
        if (contradiction === null) expect(combined?.epoch ?? 0).toBe(highest);
        else expect(combined).toBeNull();
        if (combined !== null) expect(said).toContainEqual(combined);
      }),
    );
  });

  test("that name two regions under one epoch none is believed", () => {
    const at = (region: string): EndpointState => ({ phase: "serving", epoch: 3, region, host: "h", port: 1 });
    expect(combine([at("gra"), at("bhs")]).contradiction).toMatch(/gra, others bhs/);
    expect(combine([at("gra"), { phase: "serving", epoch: 2, region: "bhs", host: "h", port: 1 }]).state).toEqual(
      at("gra"),
    );
  });
});

describe("acknowledgements", () => {
  const day = 24 * 3_600_000;
  const said = (instance: string, epoch: number) => ({ application: "orders", instance, epoch, problem: null });

  test("show who still sits on an old epoch, and nobody does while no region serves", () => {
    const heard = new Acknowledgements();
    heard.receive(said("a", 2), 10);
    heard.receive(said("b", 3), 20);
    const behind = (epoch: number | null) =>
      applicationsReport(heard.all(30), epoch).instances.map((one) => [one.instance, one.behind]);
    expect(behind(3)).toEqual([
      ["a", true],
      ["b", false],
    ]);
    expect(behind(null)).toEqual([
      ["a", false],
      ["b", false],
    ]);
  });

  test("of an instance count as said last, to whichever watchdog", () => {
    const heard = new Acknowledgements();
    heard.receive(said("a", 2), 10);
    heard.setFromPeers([{ ...said("a", 3), atMs: 20 }]);
    expect(heard.all(30)).toEqual([{ ...said("a", 3), atMs: 20 }]);
    heard.setFromPeers([{ ...said("a", 1), atMs: 5 }]);
    expect(heard.all(30)).toEqual([{ ...said("a", 2), atMs: 10 }]);
  });

  test("are forgotten once an instance has been silent for a week, and never grow without bound", () => {
    const heard = new Acknowledgements();
    for (let n = 0; n < 5_000; n++) expect(heard.receive(said(`i${n}`, 1), 0)).toBe(true);
    expect(heard.receive(said("one-too-many", 1), 1)).toBe(false);
    expect(heard.receive(said("i0", 2), 1)).toBe(true);
    expect(heard.all(8 * day)).toEqual([]);
    expect(heard.receive(said("later", 1), 8 * day)).toBe(true);
  });
});
