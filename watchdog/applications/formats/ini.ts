import {
  bytesOf,
  type EndpointFormat,
  type FileEndpoint,
  type FoundEndpoint,
  foundIn,
  joinLines,
  type Line,
  lineEndOf,
  linesOf,
  type Rendered,
} from "./format.ts";

/** The section and its keys, in the order of insertion. Case-insensitive. */
const SECTION = "elasticsearch";
const KEYS = ["Host", "Port", "Region", "CaPath", "Epoch"] as const;
type Key = (typeof KEYS)[number];

/** A line of the section or its header; null: any other line. */
type Part =
  | { readonly kind: "header" }
  | { readonly kind: "setting"; readonly key: Key; readonly value: string; readonly valueAt: number }
  /** A setting of another program in the section. */
  | { readonly kind: "foreign-setting" }
  | { readonly kind: "no-setting" };

export const ini: EndpointFormat = { read: readIni, render: renderIni };

function readIni(text: string): FoundEndpoint {
  const found = new Map<string, string>();
  for (const part of partsOf(linesOf(text))) {
    if (part?.kind !== "setting") continue;
    const member = part.key.toLowerCase();
    if (!found.has(member)) found.set(member, part.value);
  }
  return foundIn((member) => found.get(member) ?? null);
}

/** Sets each key at its first place; adds missing keys after the last setting, and a missing section at the end. */
export function renderIni(text: string, endpoint: FileEndpoint): Rendered {
  const values = valuesOf(endpoint);
  const lines = linesOf(text);
  const parts = partsOf(lines);
  const end = lineEndOf(lines);
  const seen = new Set<Key>();
  const warnings: string[] = [];
  const result: Line[] = [];
  /** Position of missing keys: after the last setting in the first part of the section. */
  let insertAt: number | null = null;
  let headers = 0;
  lines.forEach((line, position) => {
    const part = parts[position] ?? null;
    if (part?.kind === "setting") {
      const value = values.get(part.key);
      if (seen.has(part.key)) return;
      seen.add(part.key);
      const set = value === undefined || value === part.value ? line.text : withValue(line.text, part, value);
      result.push({ text: set, end: line.end });
    } else {
      if (part?.kind === "header") headers += 1;
      if (part?.kind === "no-setting") {
        warnings.push(`line ${position + 1} in [Elasticsearch] is not a setting: applications may reject the file`);
      }
      result.push(line);
    }
    if (part !== null && part.kind !== "no-setting" && headers === 1) insertAt = result.length;
  });
  const missing = KEYS.filter((key) => !seen.has(key)).flatMap((key) => {
    const value = values.get(key);
    return value === undefined ? [] : [{ text: `${key} = ${value}`, end }];
  });
  if (insertAt === null) {
    const gap = result.length === 0 || result.at(-1)?.text.trim() === "" ? [] : [{ text: "", end }];
    result.push(...gap, { text: "[Elasticsearch]", end }, ...missing);
  } else result.splice(insertAt, 0, ...missing);
  return { text: joinLines(result, end), warnings };
}

function valuesOf({ host, port, region, epoch, caPath }: FileEndpoint): ReadonlyMap<Key, string> {
  const values = new Map<Key, string>([
    ["Host", host],
    ["Port", String(port)],
    ["Region", region],
    ["Epoch", String(epoch)],
  ]);
  if (caPath !== undefined) values.set("CaPath", bytesOf(caPath));
  return values;
}

function withValue(text: string, { value, valueAt }: Extract<Part, { kind: "setting" }>, next: string): string {
  return text.slice(0, valueAt) + next + text.slice(valueAt + value.length);
}

function partsOf(lines: readonly Line[]): readonly (Part | null)[] {
  let inSection = false;
  return lines.map(({ text }, position) => {
    // A UTF-8 byte order mark in latin1.
    const line = position === 0 ? text.replace(/^\u00ef\u00bb\u00bf/, "") : text;
    const trimmed = line.trim();
    const section = /^\[(.*)\]$/.exec(trimmed)?.[1];
    if (section !== undefined) {
      inSection = section.trim().toLowerCase() === SECTION;
      return inSection ? { kind: "header" } : null;
    }
    if (!inSection || trimmed === "" || /^[;#]/.test(trimmed)) return null;
    return settingOf(text);
  });
}

function settingOf(text: string): Part {
  const equals = text.indexOf("=");
  if (equals < 0) return { kind: "no-setting" };
  const name = text.slice(0, equals).trim().toLowerCase();
  const key = KEYS.find((candidate) => candidate.toLowerCase() === name);
  if (key === undefined) return { kind: "foreign-setting" };
  const value = text.slice(equals + 1).trim();
  const valueAt = equals + 1 + (text.slice(equals + 1).length - text.slice(equals + 1).trimStart().length);
  return { kind: "setting", key, value, valueAt };
}
