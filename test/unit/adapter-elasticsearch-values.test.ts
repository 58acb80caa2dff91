import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalise } from "../../watchdog/adapters/elasticsearch/definitions.ts";
import { inChunks } from "../../watchdog/adapters/elasticsearch/names.ts";
import { isAboveWatermark } from "../../watchdog/adapters/elasticsearch/watermark.ts";
import { dataStreamOfBackingIndex, isManaged } from "../../watchdog/core/state/patterns.ts";

describe("managed indices", () => {
  const managed = { patterns: ["orders*", "a*b*c", "exact"], exclusions: ["orders-tmp*"] };

  test.each([
    ["orders", true],
    ["orders-2026", true],
    ["my-orders", false],
    ["orders-tmp-1", false],
    ["abc", true],
    ["a-b-c", true],
    ["acb", false],
    ["ac", false],
    ["exact", true],
    ["exactly", false],
    [".ds-orders-eu-2026.11.22-000001", true],
    [".ds-orders-tmp-2026.11.22-000001", false],
    [".ds-other-2026.11.22-000001", false],
  ])("%s: %s", (index, expected) => {
    expect(isManaged(managed, index)).toBe(expected);
  });

  test("a pattern matches what the equivalent regular expression matches", () => {
    const text = fc.stringMatching(/^[ab]{0,6}$/);
    fc.assert(
      fc.property(fc.stringMatching(/^[ab*]{1,6}$/), text, (pattern, name) => {
        const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(name);
        expect(isManaged({ patterns: [pattern], exclusions: [] }, name)).toBe(expected);
      }),
    );
  });

  test("a backing index gives its data stream", () => {
    expect(dataStreamOfBackingIndex(".ds-logs-app-default-2026.11.22-000042")).toBe("logs-app-default");
    expect(dataStreamOfBackingIndex("logs-2026.11.22-000042")).toBeNull();
  });
});

describe("a disk watermark", () => {
  const gb = 1024 ** 3;
  const disk = (totalGb: number, availableGb: number) => ({
    totalBytes: totalGb * gb,
    availableBytes: availableGb * gb,
  });

  test.each([
    ["90%", "-1", disk(100, 9), true],
    ["90%", "-1", disk(100, 11), false],
    ["0.9", "-1", disk(100, 9), true],
    // On a large disk 10 % would be 1 000 GB; the headroom caps it at 150.
    ["90%", "150gb", disk(10_000, 200), false],
    ["90%", "150gb", disk(10_000, 100), true],
    ["20gb", "-1", disk(100, 19), true],
    ["20gb", "-1", disk(100, 21), false],
    ["nonsense", "-1", disk(100, 0), false],
    ["90%", "-1", disk(0, 0), false],
  ])("of %s (headroom %s) over %o is exceeded: %s", (watermark, headroom, fileSystem, expected) => {
    expect(isAboveWatermark(fileSystem, watermark, headroom)).toBe(expected);
  });
});

test("definitions are equal when only the order of keys and the times of changes differ", () => {
  const one = { template: { b: 1, a: [{ y: 1, x: 2 }] }, created_date_millis: 1, modified_date: "2026" };
  const other = { modified_date: "2025", template: { a: [{ x: 2, y: 1 }], b: 1 } };
  expect(JSON.stringify(normalise(one))).toBe(JSON.stringify(normalise(other)));
  const deeper = { template: { created_date: "a mapping may well have such a field" } };
  expect(normalise(deeper)).toEqual(deeper);
});

test("lists of names are split to fit the request line, without losing a name", () => {
  const names = fc.array(fc.stringMatching(/^[a-z<>ü-]{1,200}$/), { maxLength: 300 });
  fc.assert(
    fc.property(names, (indices) => {
      const chunks = inChunks(indices);
      expect(chunks.flat()).toEqual(indices);
      for (const chunk of chunks) {
        expect(chunk.length).toBeGreaterThan(0);
        expect(encodeURIComponent(chunk.join(",")).length).toBeLessThan(3_500);
      }
    }),
  );
});
