import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contentHash, operationFromLine, operationToLine } from "../../watchdog/salvage/operation.ts";
import { canonicalJson, parseExact, stringifyExact } from "../../watchdog/util/exact-json.ts";

const operation = { index: "i", shard: 0, id: "1", routing: null, seqNo: 3, primaryTerm: 1, version: 1n };

describe("exact JSON", () => {
  test.each(["9223372036854775807", "-9007199254740993", "1.0", "1e400", "0.1000000000000000055", "-0", "1E2"])(
    "keeps the number %s as it was written",
    (number) => {
      const text = `{"value":[${number},{"again":${number}}]}`;
      expect(stringifyExact(parseExact(text))).toBe(text);
    },
  );

  test("returns any JSON value unchanged", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.parse(stringifyExact(parseExact(text)))).toEqual(JSON.parse(text));
      }),
    );
  });

  test("has one canonical text for equal contents, independent of the order of keys", () => {
    expect(canonicalJson(parseExact('{"b":[{"y":1,"x":2}],"a":null}'))).toBe('{"a":null,"b":[{"x":2,"y":1}]}');
  });

  test("has different canonical texts for different contents", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const [left, right] = [JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b))];
        expect(canonicalJson(left) === canonicalJson(right)).toBe(sorted(left) === sorted(right));
      }),
    );
  });
});

describe("an exported operation", () => {
  test("reads back unchanged from its line, including long numbers", () => {
    const source = parseExact('{"account":9223372036854775807,"text":"line\\nbreak \\u2028"}');
    const line = operationToLine({ ...operation, source });
    expect(line).not.toContain("\n");
    expect(operationToLine(operationFromLine(line))).toBe(line);
  });

  test("is refused if a field is missing", () => {
    expect(() => operationFromLine('{"index":"i"}')).toThrow();
  });

  test("has a content hash that distinguishes numbers that a double cannot", () => {
    const hashOf = (text: string) => contentHash({ routing: null, source: parseExact(text) });
    expect(hashOf('{"n":9007199254740993}')).not.toBe(hashOf('{"n":9007199254740992}'));
    expect(hashOf('{"a":1,"b":2}')).toBe(hashOf('{"b":2,"a":1}'));
  });

  test("has no content hash without source, and a different one for another routing", () => {
    expect(contentHash({ routing: null, source: null })).toBeNull();
    expect(contentHash({ routing: "a", source: {} })).not.toBe(contentHash({ routing: null, source: {} }));
  });
});

/** An independent implementation: sorts keys by rebuilding the value. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
