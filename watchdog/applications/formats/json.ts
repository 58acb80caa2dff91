import { defaultLayout, type FileLayout } from "../../config/file-layout.ts";
import { messageOf } from "../../util/errors.ts";
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
import { type Member, type ObjectSpan, skipSpace, spanOfObject } from "./json-spans.ts";

export function jsonFormat(layout: FileLayout): EndpointFormat {
  return { read: (text) => readJson(text, layout), render: (text, endpoint) => renderJson(text, endpoint, layout) };
}

export const json = jsonFormat(defaultLayout("json"));

/** Names of the objects that lead to the endpoint; none: it is at the top. */
const pathOf = ({ section }: FileLayout): readonly string[] => (section === "" ? [] : section.split("."));

function readJson(text: string, layout: FileLayout): FoundEndpoint {
  const own = pathOf(layout).reduce<unknown>((value, name) => objectOf(value)?.[name], parse(text));
  return foundIn((field) => {
    const key = layout.fields.find((candidate) => candidate.field === field)?.key;
    const value = key === undefined ? undefined : objectOf(own)?.[key];
    const single = Array.isArray(value) ? value[0] : value;
    return typeof single === "string" || typeof single === "number" ? String(single) : null;
  });
}

/** Replaces only the values of the endpoint in the text, so that long numbers and the layout of the rest stay as they are. */
function renderJson(text: string, endpoint: FileEndpoint, layout: FileLayout): Rendered {
  const values = fieldValues(endpoint, layout);
  const path = pathOf(layout);
  if (text.trim() === "") {
    const value = path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), addedObject(layout, values));
    return { text: `${JSON.stringify(value, null, 2)}\n`, warnings: [] };
  }
  if (objectOf(parse(text)) === null) throw new Error("is JSON but not an object: no member can be added");
  const edits = editsBelow(text, spanOfObject(text, skipSpace(text, 0)), { path, layout, values });
  return { text: applied(text, edits), warnings: [] };
}

interface Target {
  /** Names that are still to follow. */
  readonly path: readonly string[];
  readonly layout: FileLayout;
  readonly values: FieldValues;
}

function editsBelow(text: string, object: ObjectSpan, target: Target, depth = 0): readonly Edit[] {
  const { path, layout, values } = target;
  const [name, ...rest] = path;
  if (name === undefined) return editsOfFields(text, object, target, depth);
  const found = object.members.filter(({ key }) => key === name);
  const added = rest.reduceRight<unknown>((inner, next) => ({ [next]: inner }), addedObject(layout, values));
  if (found.length === 0) {
    assertMayAdd(object, layout, depth);
    return [insertion(text, object, `${JSON.stringify(name)}: ${spaced(added)}`)];
  }
  return found.flatMap(({ valueAt, valueEnd }) => {
    if (text[valueAt] === "{")
      return editsBelow(text, spanOfObject(text, valueAt), { ...target, path: rest }, depth + 1);
    if (text.slice(valueAt, valueEnd) === "null") return [{ at: valueAt, end: valueEnd, replacement: spaced(added) }];
    throw new Error(`has ${JSON.stringify(name)}, which is not an object: name the key that holds the address`);
  });
}

function editsOfFields(text: string, own: ObjectSpan, { layout, values }: Target, depth: number): readonly Edit[] {
  const fields = layout.fields.flatMap(({ field, key }) => {
    const value = values.get(field);
    return value === undefined
      ? []
      : [{ field, key, value, found: own.members.filter((member) => member.key === key) }];
  });
  const missing = fields.filter(({ field, found }) => found.length === 0 && field !== "phase");
  if (depth === 0 && missing.length === fields.filter(({ field }) => field !== "phase").length) {
    assertMayAdd(own, layout, depth);
  }
  const replaced = fields.flatMap(({ value, found }) => found.flatMap((member) => replacement(text, member, value)));
  if (missing.length === 0) return replaced;
  const added = missing.map(({ key, value }) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return [...replaced, insertion(text, own, added.join(`,${layoutOf(text, own)}`))];
}

/** A value keeps its type: a port in quotes stays a text, and a list stays one, with the one value in it. */
function replacement(text: string, { key, valueAt, valueEnd }: Member, value: string | number): readonly Edit[] {
  const before: unknown = JSON.parse(text.slice(valueAt, valueEnd));
  const typed = (sample: unknown) => (typeof sample === "string" ? String(value) : value);
  if (objectOf(before) !== null)
    throw new Error(`has an object as ${JSON.stringify(key)}: no value can be written there`);
  const wanted = Array.isArray(before) ? [typed(before[0])] : typed(before);
  const written = JSON.stringify(wanted);
  return JSON.stringify(before) === written ? [] : [{ at: valueAt, end: valueEnd, replacement: written }];
}

function assertMayAdd({ members }: ObjectSpan, { create, section }: FileLayout, depth: number): void {
  if (create || (depth === 0 && members.length === 0)) return;
  throw withoutSection(section === "" ? "has no key of the endpoint" : `has no object ${section}`);
}

function addedObject({ fields }: FileLayout, values: FieldValues): Readonly<Record<string, string | number>> {
  return Object.fromEntries(
    fields.flatMap(({ field, key }) => {
      const value = values.get(field);
      return value === undefined || field === "phase" ? [] : [[key, value]];
    }),
  );
}

/** On one line, as people write it. */
const spaced = (value: unknown): string => JSON.stringify(value, null, 1).replaceAll(/\n\s*/g, " ");

interface Edit {
  readonly at: number;
  readonly end: number;
  readonly replacement: string;
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
