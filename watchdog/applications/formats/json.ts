import { messageOf } from "../../util/errors.ts";
import { bytesOf, type EndpointFormat, type FileEndpoint, type FoundEndpoint, type Rendered } from "./format.ts";

/** The member of the top-level object. */
const MEMBER = "elasticsearch";

export const json: EndpointFormat = { read: readJson, render: renderJson };

function readJson(text: string): FoundEndpoint {
  const own = objectOf(objectOf(parse(text))?.[MEMBER]) ?? {};
  const stringOf = (value: unknown) => (typeof value === "string" ? value : null);
  const whole = (value: unknown, maximum: number) =>
    typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= maximum ? value : null;
  return {
    host: stringOf(own["host"]),
    port: whole(own["port"], 65_535),
    region: stringOf(own["region"]),
    epoch: whole(own["epoch"], Number.MAX_SAFE_INTEGER),
  };
}

/** Replaces only the values of the endpoint in the text, so that long numbers and the layout of the rest stay as they are. */
export function renderJson(text: string, endpoint: FileEndpoint): Rendered {
  const values = valuesOf(endpoint);
  if (text.trim() === "") {
    const members = [...values].map(([key, value]) => `    ${JSON.stringify(key)}: ${value}`);
    return { text: `{\n  "${MEMBER}": {\n${members.join(",\n")}\n  }\n}\n`, warnings: [] };
  }
  if (objectOf(parse(text)) === null) throw new Error("is JSON but not an object: no member can be added");
  const top = spanOfObject(text, skipSpace(text, 0));
  const own = top.members.filter(({ key }) => key === MEMBER);
  const compact = `{ ${[...values].map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(", ")} }`;
  const edits =
    own.length === 0
      ? [insertion(text, top, `"${MEMBER}": ${compact}`)]
      : own.flatMap(({ valueAt, valueEnd }) =>
          text[valueAt] === "{"
            ? editsOfMember(text, spanOfObject(text, valueAt), values)
            : [{ at: valueAt, end: valueEnd, replacement: compact }],
        );
  return { text: applied(text, edits), warnings: [] };
}

function valuesOf({ host, port, region, epoch, caPath }: FileEndpoint): ReadonlyMap<string, string> {
  const values = new Map([
    ["host", JSON.stringify(host)],
    ["port", String(port)],
    ["region", JSON.stringify(region)],
  ]);
  if (caPath !== undefined) values.set("caPath", bytesOf(JSON.stringify(caPath)));
  return values.set("epoch", String(epoch));
}

function parse(text: string): unknown {
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | null {
  return isObject(value) ? value : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface Member {
  readonly key: string;
  readonly keyAt: number;
  readonly valueAt: number;
  readonly valueEnd: number;
}

interface ObjectSpan {
  /** Position of the opening brace. */
  readonly at: number;
  readonly members: readonly Member[];
  /** Position after the closing brace. */
  readonly end: number;
}

interface Edit {
  readonly at: number;
  readonly end: number;
  readonly replacement: string;
}

function editsOfMember(text: string, own: ObjectSpan, values: ReadonlyMap<string, string>): readonly Edit[] {
  const replaced = own.members.flatMap(({ key, valueAt, valueEnd }) => {
    const replacement = values.get(key);
    return replacement === undefined ? [] : [{ at: valueAt, end: valueEnd, replacement }];
  });
  const missing = [...values].filter(([name]) => !own.members.some(({ key }) => key === name));
  if (missing.length === 0) return replaced;
  const separator = `,${layoutOf(text, own)}`;
  const added = missing.map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(separator);
  return [...replaced, insertion(text, own, added)];
}

/** Inserts after the last member, with the same layout. */
function insertion(text: string, { at, members }: ObjectSpan, content: string): Edit {
  const last = members.at(-1);
  const position = last?.valueEnd ?? at + 1;
  const replacement = last === undefined ? content : `,${layoutOf(text, { at, members, end: 0 })}${content}`;
  return { at: position, end: position, replacement };
}

/** The whitespace before the last member. */
function layoutOf(text: string, { members }: ObjectSpan): string {
  const last = members.at(-1);
  if (last === undefined) return " ";
  return /\s*$/.exec(text.slice(0, last.keyAt))?.[0] ?? " ";
}

function applied(text: string, edits: readonly Edit[]): string {
  return edits
    .toSorted((a, b) => b.at - a.at)
    .reduce((result, { at, end, replacement }) => result.slice(0, at) + replacement + result.slice(end), text);
}

/** Finds the positions of the members. JSON.parse must have accepted the text. */
function spanOfObject(text: string, at: number): ObjectSpan {
  const members: Member[] = [];
  let position = skipSpace(text, at + 1);
  while (text[position] !== "}") {
    const keyAt = position;
    const keyEnd = endOfString(text, keyAt);
    const valueAt = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const valueEnd = endOfValue(text, valueAt);
    const key: string = JSON.parse(text.slice(keyAt, keyEnd));
    members.push({ key, keyAt, valueAt, valueEnd });
    position = skipSpace(text, valueEnd);
    if (text[position] === ",") position = skipSpace(text, position + 1);
  }
  return { at, members, end: position + 1 };
}

function skipSpace(text: string, from: number): number {
  let position = from;
  while (" \t\r\n".includes(text[position] ?? "x")) position += 1;
  return position;
}

function endOfString(text: string, from: number): number {
  let position = from + 1;
  while (text[position] !== '"') position += text[position] === "\\" ? 2 : 1;
  return position + 1;
}

function endOfValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return endOfString(text, from);
  if (first !== "{" && first !== "[") return from + (/^[^,\]}\s]*/.exec(text.slice(from))?.[0].length ?? 0);
  let depth = 0;
  let position = from;
  do {
    const character = text[position];
    if (character === '"') position = endOfString(text, position) - 1;
    else if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") depth -= 1;
    position += 1;
  } while (depth > 0);
  return position;
}
