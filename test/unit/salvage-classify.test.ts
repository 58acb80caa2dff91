import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DocumentCopy } from "../../watchdog/salvage/ports.ts";
import { type Classification, classify } from "../../watchdog/salvage/replay/classify.ts";

const hash = fc.constantFrom("a", "b", "c", null);
const copy = fc.record<DocumentCopy>({
  seqNo: fc.nat(40),
  primaryTerm: fc.integer({ min: 1, max: 3 }),
  version: fc.integer({ min: 1, max: 6 }),
  contentHash: hash,
});
const ours = fc.record({ version: fc.integer({ min: 1, max: 6 }), contentHash: hash });
const history = fc.record({ checkpoint: fc.option(fc.integer({ min: -1, max: 30 })) });

function law(
  holds: (
    classified: Classification,
    o: { version: number; contentHash: string | null },
    t: DocumentCopy | null,
    h: { checkpoint: number | null },
  ) => boolean,
) {
  fc.assert(
    fc.property(ours, fc.option(copy), history, (o, t, h) => holds(classify(o, t, h), o, t, h)),
    { numRuns: 2_000 },
  );
}

describe("classification", () => {
  test("is missing exactly where the active region has no document", () => {
    law((classified, _o, theirs) => (classified.class === "missing") === (theirs === null));
  });

  test("calls a missing document possibly deleted exactly when an earlier version of it existed", () => {
    law(({ class: name, mayBeDeleted }, o) => mayBeDeleted === (name === "missing" && o.version > 1));
  });

  test("is same exactly where the content is known to be identical", () => {
    law(
      ({ class: name }, o, theirs) =>
        (name === "same") === (theirs !== null && o.contentHash !== null && o.contentHash === theirs.contentHash),
    );
  });

  test("is newer only where the active region's copy is from before the failover", () => {
    law(
      ({ class: name }, _o, theirs, { checkpoint }) =>
        name !== "newer" || (theirs !== null && checkpoint !== null && theirs.seqNo <= checkpoint),
    );
  });

  test("is older only where the active region changed the document since, to a higher version", () => {
    law(
      ({ class: name }, o, theirs, { checkpoint }) =>
        name !== "older" ||
        (theirs !== null && theirs.version > o.version && (checkpoint === null || theirs.seqNo > checkpoint)),
    );
  });

  test("never depends on primary terms, which each region counts for itself", () => {
    fc.assert(
      fc.property(ours, copy, history, fc.integer({ min: 1, max: 9 }), (o, theirs, h, primaryTerm) => {
        expect(classify(o, { ...theirs, primaryTerm }, h)).toEqual(classify(o, theirs, h));
      }),
    );
  });

  test("of an index made after the failover is never newer: its sequence numbers began again", () => {
    fc.assert(fc.property(ours, copy, (o, theirs) => classify(o, theirs, { checkpoint: null }).class !== "newer"));
  });
});
