import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeCompare,
  encodeOperation,
  leaseGrantAnswer,
  leaseKeepAliveAnswer,
  prefixEnd,
  rangeAnswer,
  statusAnswer,
  toBase64,
  txnAnswer,
} from "../../watchdog/adapters/etcd/wire.ts";

const encoded = (text: string) => Buffer.from(text, "utf8").toString("base64");

describe("keys and values", () => {
  test("any text is returned as it was sent", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const { kvs } = rangeAnswer.parse({ kvs: [{ key: toBase64("k"), value: toBase64(text) }] });
        expect(kvs[0]?.value).toBe(text);
      }),
    );
  });

  test("invalid UTF-8 is refused instead of changed", () => {
    const value = Buffer.from([0x7b, 0xff, 0x7d]).toString("base64");
    expect(rangeAnswer.safeParse({ kvs: [{ key: toBase64("k"), value }] }).success).toBe(false);
  });

  test("the range of a prefix contains every key with it and no other", () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 4 }), bytes, bytes, (prefix, tail, other) => {
        const from = Buffer.from(prefix, "utf8");
        const end = Buffer.from(prefixEnd(prefix), "base64");
        const inRange = (key: Buffer) => key.compare(from) >= 0 && key.compare(end) < 0;
        expect(inRange(Buffer.concat([from, tail]))).toBe(true);
        expect(inRange(Buffer.from(other))).toBe(Buffer.from(other).subarray(0, from.length).equals(from));
      }),
    );
  });
});

describe("64-bit integers", () => {
  test("revisions and lease ids keep every digit", () => {
    const { kvs, count } = rangeAnswer.parse({
      count: "1",
      kvs: [{ key: encoded("k"), value: "", mod_revision: "9223372036854775807", lease: "7587883399432962567" }],
    });
    expect(kvs[0]).toMatchObject({ modRevision: "9223372036854775807", lease: "7587883399432962567" });
    expect(count).toBe(1);
  });

  test("fields that the gateway omits are zero", () => {
    expect(rangeAnswer.parse({})).toMatchObject({ kvs: [], count: 0 });
    expect(txnAnswer.parse({ header: { revision: "7" } })).toEqual({
      header: { revision: "7" },
      succeeded: false,
      responses: [],
    });
    expect(leaseKeepAliveAnswer.parse({ result: { ID: "5" } }).result.TTL).toBe(0);
  });

  test("member ids may be the largest unsigned integers", () => {
    const header = { member_id: "18446744073709551615", revision: "7" };
    expect(statusAnswer.parse({ header, version: "3.5.16", leader: "18446744073709551615" }).header).toEqual(header);
  });

  test.each([["1e3"], ["0x10"], [""], ["12 "], ["1.5"], ["99999999999999999999999"], [5]])(
    "%j is not taken for one",
    (value) => {
      expect(leaseGrantAnswer.safeParse({ ID: value, TTL: "5" }).success).toBe(false);
    },
  );

  test("a time to live that no number represents exactly is refused", () => {
    expect(leaseGrantAnswer.safeParse({ ID: "1", TTL: "9007199254740993" }).success).toBe(false);
  });
});

test("compares and operations have the form that etcd's gateway expects", () => {
  expect(encodeCompare({ key: "k", modRevision: "4" })).toEqual({
    key: encoded("k"),
    result: "EQUAL",
    target: "MOD",
    mod_revision: "4",
  });
  expect(encodeCompare({ key: "k", createRevision: "3" })).toMatchObject({ target: "CREATE", create_revision: "3" });
  expect(encodeOperation({ put: "k", value: "v", lease: "9" })).toEqual({
    request_put: { key: encoded("k"), value: encoded("v"), lease: "9" },
  });
  expect(encodeOperation({ get: "k" })).toEqual({ request_range: { key: encoded("k") } });
  expect(encodeOperation({ deleteFrom: "a", before: "c" })).toEqual({
    request_delete_range: { key: encoded("a"), range_end: encoded("c") },
  });
});
