import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DocumentCopy } from "../../watchdog/salvage/ports.ts";
import { type Classification, classify } from "../../watchdog/salvage/replay/classify.ts";

const hash = fc.constantFrom("a", "b", "c", null);
const copy = fc.record<DocumentCopy>({
  seqNo: fc.nat(40),
  primaryTerm: fc.integer({ min: 1, max: 3 }),
  version: fc.bigInt({ min: 1n, max: 6n }),
  contentHash: hash,
});
const ours = fc.record({ version: fc.bigInt({ min: 1n, max: 6n }), contentHash: hash });
const history = fc.record({ checkpoint: fc.option(fc.integer({ min: -1, max: 30 })), replicated: fc.boolean() });

function law(
  holds: (
    classified: Classification,
    o: { version: bigint; contentHash: string | null },
    t: DocumentCopy | null,
    h: { checkpoint: number | null; replicated: boolean },
  ) => boolean,
) {
  fc.assert(
    fc.property(ours, fc.option(copy), history, (o, t, h) => holds(classify(o, t, h), o, t, h)),
    { numRuns: 2_000 },
  );
}

describe("classification", () => {
  test("is missing exactly if the active region has no document", () => {
    law((classified, _o, theirs) => (classified.class === "missing") === (theirs === null));
  });

  test("reports a missing document as possibly deleted exactly if an earlier version was replicated", () => {
    law(
      ({ class: name, mayBeDeleted }, o, _theirs, { replicated }) =>
        mayBeDeleted === (name === "missing" && replicated && o.version > 1n),
    );
  });

  test("is same exactly if the contents are known to be identical", () => {
    law(
      ({ class: name }, o, theirs) =>
        (name === "same") === (theirs !== null && o.contentHash !== null && o.contentHash === theirs.contentHash),
    );
  });

  test("is newer only if the active region's copy is from before the failover", () => {
    law(
      ({ class: name }, _o, theirs, { checkpoint }) =>
        name !== "newer" || (theirs !== null && checkpoint !== null && theirs.seqNo <= checkpoint),
    );
  });

  test("is older only if the active region changed the document after the failover, to a higher version", () => {
    law(
      ({ class: name }, o, theirs, { checkpoint }) =>
        name !== "older" ||
        (theirs !== null && theirs.version > o.version && (checkpoint === null || theirs.seqNo > checkpoint)),
    );
  });

  test("never depends on primary terms, which each region counts on its own", () => {
    fc.assert(
      fc.property(ours, copy, history, fc.integer({ min: 1, max: 9 }), (o, theirs, h, primaryTerm) => {
        expect(classify(o, { ...theirs, primaryTerm }, h)).toEqual(classify(o, theirs, h));
      }),
    );
  });

  test("is never newer in an index created after the failover, whose sequence numbers started again", () => {
    fc.assert(
      fc.property(
        ours,
        copy,
        (o, theirs) => classify(o, theirs, { checkpoint: null, replicated: true }).class !== "newer",
      ),
    );
  });
});
