import { defaultLayout, type FieldName, type FileLayout } from "../../config/file-layout.ts";
import {
  type EndpointFormat,
  type FieldValues,
  type FileEndpoint,
  type FoundEndpoint,
  fieldValues,
  foundIn,
  type Rendered,
  withoutSection,
} from "./format.ts";
import { type IniPart, iniParts, type OwnSetting } from "./ini-lines.ts";
import { joinLines, type Line, lineEndOf, linesOf, type Quote, settingText, splitMark } from "./lines.ts";

/** Both begin a comment. */
const MARKS = ";#";
/** What libescluster reads of a file. */
const MAX_LIBRARY_BYTES = 64 * 1024;

export function iniFormat(layout: FileLayout): EndpointFormat {
  return { read: (text) => readIni(text, layout), render: (text, endpoint) => renderIni(text, endpoint, layout) };
}

/** With the section and the keys that libescluster reads. */
export const ini = iniFormat(defaultLayout("ini"));

function readIni(text: string, layout: FileLayout): FoundEndpoint {
  const found = new Map<FieldName, string>();
  for (const part of iniParts(linesOf(splitMark(text).content), layout)) {
    if (part.kind !== "own" || found.has(part.field.field)) continue;
    found.set(part.field.field, settingText(part.raw, MARKS).value);
  }
  return foundIn((field) => found.get(field) ?? null);
}

/** Sets each key at its first place; adds missing keys after the last setting, and a missing section at the end. */
function renderIni(text: string, endpoint: FileEndpoint, layout: FileLayout): Rendered {
  const values = fieldValues(endpoint, layout);
  const { mark, content } = splitMark(text);
  const lines = linesOf(content);
  const parts = iniParts(lines, layout);
  const end = lineEndOf(lines);
  const exists = parts.some(({ kind }) => kind === "header" || (layout.section === "" && kind === "own"));
  const hasContent = lines.some(({ text: line }) => !/^\s*([;#]|$)/.test(line));
  if (!exists && !layout.create && hasContent) throw withoutSection(`has no ${nameOf(layout)}`);
  refuseLists(parts);
  const seen = new Set<FieldName>();
  const result: Line[] = [];
  /** Position of missing keys: after the last setting in the first part of the section. */
  let insertAt: number | null = null;
  let headers = layout.section === "" ? 1 : 0;
  lines.forEach((line, position) => {
    const part = parts[position] ?? { kind: "other" };
    if (part.kind === "header") headers += 1;
    if (part.kind !== "own") result.push(line);
    else if (!seen.has(part.field.field)) {
      seen.add(part.field.field);
      result.push(...written(line, part, values.get(part.field.field)));
    }
    if (headers === 1 && belongs(part)) insertAt = result.length;
  });
  const missing = missingLines(layout, { values, seen, quote: quoteOf(parts), end });
  if (insertAt !== null) result.splice(insertAt, 0, ...missing);
  else if (layout.section === "") result.unshift(...missing);
  else {
    const gap = result.length === 0 || result.at(-1)?.text.trim() === "" ? [] : [{ text: "", end }];
    result.push(...gap, { text: `[${layout.section}]`, end }, ...missing);
  }
  const rendered = mark + joinLines(result, end);
  return { text: rendered, warnings: warningsOf(parts, rendered, layout) };
}

/** A list, or a value of several lines, would stay in part. A host in brackets is an IPv6 address. */
function refuseLists(parts: readonly IniPart[]): void {
  parts.forEach((part, position) => {
    if (part.kind !== "own") return;
    const next = parts[position + 1];
    if (!/^[[{]\s*(["'[{]|$)/.test(part.raw) && !(next?.kind === "no-setting" && next.continues)) return;
    throw new Error(`has a list or several lines as ${part.field.key} in line ${position + 1}: use a template`);
  });
}

const nameOf = ({ section }: FileLayout) => (section === "" ? "setting of the endpoint" : `section [${section}]`);

const belongs = (part: IniPart): boolean => (part.kind === "no-setting" ? part.continues : part.kind !== "other");

/** A comment behind the value moves to a line above, because libescluster and others would take it for a part of the value. */
function written(line: Line, { raw, before }: OwnSetting, value: string | number | undefined): readonly Line[] {
  if (value === undefined || raw === String(value)) return [line];
  const { quote, comment } = settingText(raw, MARKS);
  const setting = { text: before + quoted(value, quote), end: line.end };
  if (comment === "") return [setting];
  return [{ text: (/^[ \t]*/.exec(before)?.[0] ?? "") + comment, end: line.end }, setting];
}

function quoted(value: string | number, quote: Quote): string {
  const text = String(value);
  // No value contains a double quote: a path may not.
  return quote === "'" && text.includes("'") ? `"${text}"` : quote + text + quote;
}

/** The quotes of texts in the file, for added ones: some formats, such as TOML, demand them. */
function quoteOf(parts: readonly IniPart[]): Quote {
  for (const part of parts) {
    if (part.kind !== "own" || part.field.field === "port" || part.field.field === "epoch") continue;
    const { quote } = settingText(part.raw, MARKS);
    if (quote !== "") return quote;
  }
  return "";
}

interface Missing {
  readonly values: FieldValues;
  readonly seen: ReadonlySet<FieldName>;
  readonly quote: Quote;
  readonly end: string;
}

function missingLines({ fields }: FileLayout, { values, seen, quote, end }: Missing): readonly Line[] {
  return fields.flatMap(({ field, key }) => {
    const value = values.get(field);
    if (value === undefined || field === "phase" || seen.has(field)) return [];
    return [{ text: `${key} = ${quoted(value, typeof value === "number" ? "" : quote)}`, end }];
  });
}

function warningsOf(parts: readonly IniPart[], text: string, layout: FileLayout): readonly string[] {
  const lines = parts.flatMap((part, position) => {
    const where = `line ${position + 1} in ${layout.section === "" ? "the file" : `[${layout.section}]`}`;
    if (part.kind === "no-setting") return [`${where} is not a setting: applications may reject the file`];
    if (part.kind !== "own") return [];
    if (part.delimiter === ":") return [`${where} has a colon for the equals sign: libescluster rejects the file`];
    const { quote } = settingText(part.raw, MARKS);
    return quote === "" ? [] : [`${where} has quotes, which stay: libescluster rejects the file`];
  });
  const long = text.length > MAX_LIBRARY_BYTES ? ["is longer than 64 KiB: libescluster rejects the file"] : [];
  return [...lines, ...long];
}
