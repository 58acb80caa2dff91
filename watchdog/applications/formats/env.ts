import { defaultLayout, type FieldName, type FileLayout } from "../../config/file-layout.ts";
import {
  type EndpointFormat,
  type FileEndpoint,
  type FoundEndpoint,
  fieldValues,
  foundIn,
  type Rendered,
  withoutSection,
} from "./format.ts";
import { joinLines, type Line, lineEndOf, linesOf, type Quote, settingText } from "./lines.ts";

export function envFormat(layout: FileLayout): EndpointFormat {
  return { read: (text) => readEnv(text, layout), render: (text, endpoint) => renderEnv(text, endpoint, layout) };
}

export const env = envFormat(defaultLayout("env"));

/** A shell takes only this for the beginning of a comment; systemd takes it for a part of the value. */
const MARKS = "#";

function readEnv(text: string, layout: FileLayout): FoundEndpoint {
  const found = new Map<FieldName, string>();
  // For shells and systemd alike the last assignment counts.
  for (const part of partsOf(linesOf(text), layout).parts) {
    if (part.kind === "own") found.set(part.field, settingText(part.raw, MARKS).value);
  }
  return foundIn((field) => found.get(field) ?? null);
}

/** For systemd's `EnvironmentFile=` and for `. file` in a shell. */
function renderEnv(text: string, endpoint: FileEndpoint, layout: FileLayout): Rendered {
  const values = fieldValues(endpoint, layout);
  const lines = linesOf(text);
  const { parts, endsInside } = partsOf(lines, layout);
  if (endsInside) throw new Error("ends inside a value: a variable added there would become a part of it");
  const end = lineEndOf(lines);
  const hasOwn = parts.some(({ kind }) => kind === "own");
  const unknown = parts.findIndex(({ kind }) => kind === "unknown");
  if (unknown >= 0 && !hasOwn && !layout.create) {
    throw withoutSection(`has no variable of the endpoint, and line ${unknown + 1} is no assignment`);
  }
  const seen = new Set<FieldName>();
  const result: Line[] = [];
  lines.forEach((line, position) => {
    const part = parts[position];
    if (part?.kind !== "own") result.push(line);
    else if (!seen.has(part.field)) {
      seen.add(part.field);
      result.push(...written(line, part, values.get(part.field)));
    }
  });
  for (const { field, key } of layout.fields) {
    const value = values.get(field);
    if (value === undefined || field === "phase" || seen.has(field)) continue;
    result.push({ text: `${layout.section}${key}=${assigned(value, field === "caPath" ? '"' : "")}`, end });
  }
  return { text: joinLines(result, end), warnings: [] };
}

interface OwnVariable {
  readonly kind: "own";
  readonly field: FieldName;
  /** The text before the value: `ELASTICSEARCH_HOST=`, perhaps after `export`. */
  readonly before: string;
  readonly raw: string;
}

type Part = OwnVariable | { readonly kind: "other" } | { readonly kind: "unknown" };

/** A line that continues the one before, after a backslash or inside quotes, is no setting. */
function partsOf(lines: readonly Line[], { section, fields }: FileLayout) {
  let continues = false;
  let openQuote = "";
  const parts = lines.map(({ text }): Part => {
    const isContinuation = continues || openQuote !== "";
    if (openQuote !== "" && text.includes(openQuote)) openQuote = "";
    else if (openQuote === "" && !isContinuation) openQuote = unclosedQuote(text);
    continues = /(^|[^\\])(\\\\)*\\$/.test(text) && !/^\s*[#;]/.test(text);
    if (isContinuation || /^\s*([#;]|$)/.test(text)) return { kind: "other" };
    const match = /^(\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=)(.*?)\s*$/.exec(text);
    const [, before = "", name = "", raw = ""] = match ?? [];
    const own = fields.find(({ key }) => section + key === name);
    if (own !== undefined && openQuote === "") return { kind: "own", field: own.field, before, raw };
    return { kind: match === null ? "unknown" : "other" };
  });
  return { parts, endsInside: continues || openQuote !== "" };
}

/** The quote that begins the value of a line and does not end it. */
function unclosedQuote(text: string): string {
  const quote = /^\s*(?:export\s+)?[A-Za-z_][A-Za-z0-9_]*=(["'])/.exec(text)?.[1];
  if (quote === undefined) return "";
  const value = text.slice(text.indexOf(quote) + 1);
  const closed = quote === "'" ? value.includes("'") : /^(?:[^"\\]|\\.)*"/.test(value);
  return closed ? "" : quote;
}

function written(line: Line, { raw, before }: OwnVariable, value: string | number | undefined): readonly Line[] {
  if (value === undefined) return [line];
  const { quote, comment } = settingText(raw, MARKS);
  const assignment = assigned(value, quote);
  if (assignment === raw) return [line];
  const setting = { text: before + assignment, end: line.end };
  return comment === "" ? [setting] : [{ text: comment, end: line.end }, setting];
}

/** In the quotes of the value before; in double quotes where a shell would not take the plain text as it is. */
function assigned(value: string | number, quote: Quote): string {
  const text = String(value);
  if (quote === "'" && !text.includes("'")) return `'${text}'`;
  if (quote === "" && /^[\w@%+=:,./[\]-]*$/.test(text)) return text;
  return `"${text.replaceAll(/["\\$`]/g, "\\$&")}"`;
}
