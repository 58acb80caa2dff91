import { describe, expect, test } from "vitest";
import { writePause } from "../../watchdog/core/state/write-pause.ts";

const change = { from: "gra", to: "bhs", startedAtMs: 10_000 };
const gra = { region: "gra", firstAtMs: 1_000, lastAtMs: 8_000 };

describe("the time in which a change kept applications from writing", () => {
  test("is from the last write of the old region until the first one of the new region", () => {
    const bhs = { region: "bhs", firstAtMs: 24_400, lastAtMs: 90_000 };
    expect(writePause(change, [gra, bhs])).toEqual({ fromMs: 8_000, toMs: 24_400 });
  });

  test("begins within the change where the old region acknowledged writes until its router closed", () => {
    const closedAtMs = 10_300;
    const bhs = { region: "bhs", firstAtMs: 15_000, lastAtMs: 15_000 };
    expect(writePause(change, [{ ...gra, lastAtMs: closedAtMs }, bhs])).toEqual({ fromMs: closedAtMs, toMs: 15_000 });
  });

  test("is unknown until the new region has acknowledged a write", () => {
    expect(writePause(change, [gra])).toBeNull();
  });

  test("is unknown to a router that saw no write of the old region", () => {
    expect(writePause(change, [{ region: "bhs", firstAtMs: 24_400, lastAtMs: 24_400 }])).toBeNull();
  });

  test("is not taken from an earlier change in the same direction", () => {
    const earlier = { region: "bhs", firstAtMs: 4_000, lastAtMs: 6_000 };
    expect(writePause(change, [gra, earlier])).toBeNull();
    expect(writePause(change, [{ ...gra, lastAtMs: 3_000 }, earlier])).toBeNull();
  });
});
