import { messageOf } from "../../util/errors.ts";
import { bytesOf, type EndpointFormat, type FileEndpoint, type FoundEndpoint, type Rendered } from "./format.ts";

/** The member of the top object that is ours. */
const MEMBER = "elasticsearch";

export const json: EndpointFormat = { read: readJson, render: renderJson };

function readJson(text: string): FoundEndpoint {
  const own = objectOf(objectOf(parse(text))?.[MEMBER]) ?? {};
  const words = (value: unknown) => (typeof value === "string" ? value : null);
  const whole = (value: unknown, most: number) =>
    typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most ? value : null;
  return {
    host: words(own["host"]),
    port: whole(own["port"], 65_535),
    region: words(own["region"]),
    epoch: whole(own["epoch"], Number.MAX_SAFE_INTEGER),
  };
}

/** Only our own values are replaced in the text: numbers too long for us and the layout of others stay as they are. */
export function renderJson(text: string, endpoint: FileEndpoint): Rendered {
  const values = valuesOf(endpoint);
  if (text.trim() === "") {
    const members = [...values].map(([key, value]) => `    ${JSON.stringify(key)}: ${value}`);
    return { text: `{\n  "${MEMBER}": {\n${members.join(",\n")}\n  }\n}\n`, warnings: [] };
  }
  if (objectOf(parse(text)) === null) throw new Error("holds JSON that is no object: nothing can be added to it");
  const top = spanOfObject(text, skipSpace(text, 0));
  const own = top.members.filter(({ key }) => key === MEMBER);
  const compact = `{ ${[...values].map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(", ")} }`;
  const edits =
    own.length === 0
      ? [insertion(text, top, `"${MEMBER}": ${compact}`)]
      : own.flatMap(({ valueAt, valueEnd }) =>
          text[valueAt] === "{"
            ? editsOfMember(text, spanOfObject(text, valueAt), values)
            : [{ at: valueAt, end: valueEnd, put: compact }],
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
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : null;
}

interface Member {
  readonly key: string;
  readonly keyAt: number;
  readonly valueAt: number;
  readonly valueEnd: number;
}

interface ObjectSpan {
  /** Where its opening brace stands. */
  readonly at: number;
  readonly members: readonly Member[];
  /** Behind its closing brace. */
  readonly end: number;
}

interface Edit {
  readonly at: number;
  readonly end: number;
  readonly put: string;
}

function editsOfMember(text: string, own: ObjectSpan, values: ReadonlyMap<string, string>): readonly Edit[] {
  const replaced = own.members.flatMap(({ key, valueAt, valueEnd }) => {
    const put = values.get(key);
    return put === undefined ? [] : [{ at: valueAt, end: valueEnd, put }];
  });
  const missing = [...values].filter(([name]) => !own.members.some(({ key }) => key === name));
  if (missing.length === 0) return replaced;
  const separator = `,${layoutOf(text, own)}`;
  const added = missing.map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(separator);
  return [...replaced, insertion(text, own, added)];
}

/** Behind the last member, laid out as that one is. */
function insertion(text: string, { at, members }: ObjectSpan, content: string): Edit {
  const last = members.at(-1);
  const position = last?.valueEnd ?? at + 1;
  const put = last === undefined ? content : `,${layoutOf(text, { at, members, end: 0 })}${content}`;
  return { at: position, end: position, put };
}

/** The space in front of the last member's name. */
function layoutOf(text: string, { members }: ObjectSpan): string {
  const last = members.at(-1);
  if (last === undefined) return " ";
  return /\s*$/.exec(text.slice(0, last.keyAt))?.[0] ?? " ";
}

function applied(text: string, edits: readonly Edit[]): string {
  return edits
    .toSorted((a, b) => b.at - a.at)
    .reduce((result, { at, end, put }) => result.slice(0, at) + put + result.slice(end), text);
}

/** Walks a text that JSON.parse has accepted: only where things begin and end is asked. */
function spanOfObject(text: string, at: number): ObjectSpan {
  const members: Member[] = [];
  let position = skipSpace(text, at + 1);
  while (text[position] !== "}") {
    const keyAt = position;
    const keyEnd = endOfString(text, keyAt);
    const valueAt = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const valueEnd = endOfValue(text, valueAt);
    members.push({ key: JSON.parse(text.slice(keyAt, keyEnd)) as string, keyAt, valueAt, valueEnd });
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
