import { expect, test } from "vitest";
import { LiveCell } from "../../watchdog/util/live.ts";

test("a converted value follows its source, and each value is converted once", () => {
  const cell = new LiveCell(1);
  let conversions = 0;
  const doubled = cell.map((value) => {
    conversions += 1;
    return { value: value * 2 };
  });
  const labelled = doubled.map(({ value }) => `#${value}`);
  const seen: string[] = [];
  const end = labelled.listen((value) => seen.push(value));
  cell.set(2);
  expect([doubled.current, labelled.current]).toEqual([{ value: 4 }, "#4"]);
  expect(doubled.current).toBe(doubled.current);
  expect(conversions).toBe(2);
  end();
  cell.set(3);
  expect(labelled.current).toBe("#6");
  expect(seen).toEqual(["#4"]);
});
