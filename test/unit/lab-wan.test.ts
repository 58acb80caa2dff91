import { describe, expect, test } from "vitest";
import { changeDirection, defaultWan } from "../../lab/hosts/wan/wan.ts";

const pick = (lines: ReturnType<typeof defaultWan>, from: string, to: string) =>
  lines.find((line) => line.from === from && line.to === to);

describe("the WAN between the lab's regions", () => {
  test("carries packets both ways between any two regions, with a round trip of 80 ms between gra and bhs", () => {
    const lines = defaultWan();
    expect(lines).toHaveLength(6);
    expect((pick(lines, "gra", "bhs")?.delayMs ?? 0) + (pick(lines, "bhs", "gra")?.delayMs ?? 0)).toBe(80);
    expect(lines.every((line) => line.delayMs > 0 && !line.cut)).toBe(true);
  });

  test("a change of one direction does not affect the other one and other lines", () => {
    const before = defaultWan();
    const after = changeDirection(before, { from: "gra", to: "bhs" }, { cut: true });
    expect(pick(after, "gra", "bhs")).toEqual({ ...pick(before, "gra", "bhs"), cut: true });
    expect(after.filter((line) => line.cut)).toHaveLength(1);
    expect(pick(after, "bhs", "gra")).toEqual(pick(before, "bhs", "gra"));
  });

  test.each([
    [{ delayMs: -1 }, /milliseconds/],
    [{ jitterMs: Number.NaN }, /milliseconds/],
    [{ lossPercent: 101 }, /percentage/],
    [{ rateMbit: -1 }, /megabits/],
  ])("%o is refused", (change, message) => {
    expect(() => changeDirection(defaultWan(), { from: "gra", to: "bhs" }, change)).toThrow(message);
  });

  test("a line from a region to itself is refused", () => {
    expect(() => changeDirection(defaultWan(), { from: "gra", to: "gra" }, { cut: true })).toThrow(/to itself/);
  });
});
