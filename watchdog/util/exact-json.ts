import { z } from "zod";

/**
 * JSON without loss. A salvaged document must keep long integers and decimals as they were written, which `JSON.parse`
 * alone would round to doubles. Object keys that look like array positions ("7") may move, which has no meaning.
 */

/** A number whose text a double would not reproduce. */
interface RawNumber {
  readonly rawJSON: string;
}

declare global {
  interface JSON {
    parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
    rawJSON(text: string): RawNumber;
    isRawJSON(value: unknown): value is RawNumber;
  }
}

/** @throws SyntaxError */
export function parseExact(text: string): unknown {
  return JSON.parse(text, (_key: string, value: unknown, context: { source?: string }) =>
    typeof value === "number" && context.source !== undefined && context.source !== String(value)
      ? JSON.rawJSON(context.source)
      : value,
  );
}

/** Compact JSON text of what `parseExact` returned. */
export function stringifyExact(value: unknown): string {
  return JSON.stringify(value);
}

/** The same text for the same content, in whatever order its keys are. Numbers are compared as written. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null || JSON.isRawJSON(value)) return JSON.stringify(value);
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}

/** An integer that `parseExact` returned, of any size: a 64-bit one may be beyond what a double represents. */
export const exactInteger = z
  .union([z.number(), z.custom<RawNumber>((value) => JSON.isRawJSON(value))])
  .transform((value, context) => {
    const text = typeof value === "number" ? String(value) : value.rawJSON;
    if (/^-?\d+$/.test(text)) return BigInt(text);
    context.addIssue(`${text} is not an integer`);
    return z.NEVER;
  });

/** The same for `stringifyExact`. */
export const exactNumber = (integer: bigint): RawNumber => JSON.rawJSON(String(integer));
