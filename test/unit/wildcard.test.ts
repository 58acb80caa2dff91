import fc from "fast-check";
import { expect, test } from "vitest";
import { matchesPattern, patternsOverlap } from "../../watchdog/util/wildcard.ts";

/** All names of up to six letters a and b: two patterns of three characters have one of them in common, or none. */
const names = Array.from({ length: 7 }, (_, length) =>
  Array.from({ length: 2 ** length }, (_, n) =>
    n.toString(2).padStart(length, "0").replaceAll("0", "a").replaceAll("1", "b"),
  ),
).flatMap((each, length) => (length === 0 ? [""] : each));

test("two patterns overlap exactly where there is a name that both match", () => {
  const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 3 });
  fc.assert(
    fc.property(pattern, pattern, (a, b) => {
      const common = names.some((name) => matchesPattern(a, name) && matchesPattern(b, name));
      expect([patternsOverlap(a, b), patternsOverlap(b, a)]).toEqual([common, common]);
    }),
  );
});

test("many stars cost no more than the patterns' product", () => {
  expect(patternsOverlap(`${"*a".repeat(60)}c`, `${"*b".repeat(60)}d`)).toBe(false);
});
