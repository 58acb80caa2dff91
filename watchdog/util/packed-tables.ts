/**
 * JSON with its long lists rewritten so that little is left to store: a list of objects with the same fields becomes one
 * list per field, each distinct text of those is kept once, and numbers of one shard become differences.
 */
import { type NumberList, type NumberReader, type NumberWriter, rangeOf } from "./packed-numbers.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
type Row = { readonly [name: string]: Json };

/** Shorter lists are kept as they are. */
const MIN_ROWS = 8;
/** Fields of the rewritten forms, which no document uses for fields of its own. */
const TABLE = "$table";
const TEXTS = "$texts";
/** The first two fields name a shard, where they are `index` and `shard`. */
const SHARD_FIELDS = 2;

/** How a field is kept; numbers: as they are, below the highest seen of the same shard, or above the field before. */
type Way = "values" | "texts" | "plain" | "below" | "above";
type Column = readonly [name: string, way: Way, kept: Json];
type Numbers = readonly number[];

/** Each distinct text, and the highest number of each shard, in the order in which a document has them. */
export class Texts {
  readonly all: string[];
  readonly #numbers = new Map<string, number>();
  readonly #highest = new Map<string, number>();

  constructor(all: string[] = []) {
    this.all = all;
  }

  numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.all.length);
    return this.all.push(text) - 1;
  }

  textOf(number: number): string {
    const text = this.all[number];
    if (text === undefined) throw new Error(`a packed document without its text ${number}`);
    return text;
  }

  /** The highest number so far of each of these shards; null unless all have one. */
  highest(shards: readonly string[] | null): Numbers | null {
    if (shards === null || !shards.every((shard) => this.#highest.has(shard))) return null;
    return shards.map((shard) => this.#highest.get(shard) ?? 0);
  }

  note(shards: readonly string[] | null, numbers: Numbers): void {
    shards?.forEach((shard, n) => {
      const number = numbers[n] ?? 0;
      if (number > (this.#highest.get(shard) ?? Number.NEGATIVE_INFINITY)) this.#highest.set(shard, number);
    });
  }
}

interface Shrinking {
  readonly texts: Texts;
  readonly numbers: NumberWriter;
}

export function shrink(value: Json, to: Shrinking): Json {
  if (isList(value)) {
    const names = fieldsOf(value);
    if (names !== null) return { [TABLE]: columnsOf(value as readonly Row[], names, to) };
    return areTexts(value) && value.length >= MIN_ROWS
      ? { [TEXTS]: keepTexts(value, to) }
      : value.map((item) => shrink(item, to));
  }
  if (!isRow(value)) return value;
  if (TABLE in value || TEXTS in value) throw new Error(`a document may have no field ${TABLE} or ${TEXTS}`);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shrink(item, to)]));
}

function columnsOf(rows: readonly Row[], names: readonly string[], to: Shrinking): readonly Column[] {
  let shards: readonly string[] | null = null;
  let before: Numbers | null = null;
  const fields: (readonly Json[])[] = [];
  return names.map((name): Column => {
    const values = rows.map((row) => row[name] ?? null);
    if (fields.push(values) === SHARD_FIELDS + 1) shards = shardsOf(names, fields);
    if (areTexts(values)) return [name, "texts", keepTexts(values, to)];
    if (!areNumbers(values)) return [name, "values", values.map((item) => shrink(item, to))];
    const [way, kept] = smallest(values, to.texts.highest(shards), before);
    to.texts.note(shards, values);
    before = values;
    return [name, way, { ...to.numbers.write(kept) }];
  });
}

function smallest(values: Numbers, highest: Numbers | null, before: Numbers | null): readonly [Way, Numbers] {
  const ways: (readonly [Way, Numbers])[] = [["plain", values]];
  if (highest !== null) ways.push(["below", values.map((value, n) => (highest[n] ?? 0) - value)]);
  if (before !== null) ways.push(["above", values.map((value, n) => value - (before[n] ?? 0))]);
  return ways.reduce((best, way) => (rangeOf(way[1]) < rangeOf(best[1]) ? way : best));
}

interface Expanding {
  readonly texts: Texts;
  readonly numbers: NumberReader;
}

export function expand(value: Json, from: Expanding): Json {
  if (isList(value)) return value.map((item) => expand(item, from));
  if (!isRow(value)) return value;
  if (value[TABLE] !== undefined) return rowsOf(value[TABLE] as unknown as readonly Column[], from);
  if (value[TEXTS] !== undefined) return keptTexts(value[TEXTS], from);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, expand(item, from)]));
}

function rowsOf(columns: readonly Column[], from: Expanding): readonly Row[] {
  const names = columns.map(([name]) => name);
  let shards: readonly string[] | null = null;
  let before: Numbers | null = null;
  const fields: (readonly Json[])[] = [];
  for (const [, way, kept] of columns) {
    if (fields.length === SHARD_FIELDS) shards = shardsOf(names, fields);
    if (way === "texts") fields.push(keptTexts(kept, from));
    else if (way === "values") fields.push((kept as readonly Json[]).map((item) => expand(item, from)));
    else {
      const values: Numbers = restored(way, from.numbers.read(listOf(kept)), from.texts.highest(shards), before);
      from.texts.note(shards, values);
      before = values;
      fields.push(values);
    }
  }
  return (fields[0] ?? []).map((_, n) => Object.fromEntries(names.map((name, m) => [name, fields[m]?.[n] ?? null])));
}

function restored(way: Way, kept: Numbers, highest: Numbers | null, before: Numbers | null): Numbers {
  if (way === "plain") return kept;
  const base = way === "below" ? highest : before;
  if (base === null) throw new Error("a packed document lacks the numbers that others build on");
  return kept.map((value, n) => (way === "below" ? (base[n] ?? 0) - value : (base[n] ?? 0) + value));
}

/** Names come in one order again and again: each is kept as the distance from the one before. */
function keepTexts(texts: readonly string[], to: Shrinking): Json {
  const numbers = texts.map((text) => to.texts.numberOf(text));
  return { ...to.numbers.write(numbers.map((number, n) => number - (numbers[n - 1] ?? 0))) };
}

function keptTexts(kept: Json, from: Expanding): readonly string[] {
  let number = 0;
  return from.numbers.read(listOf(kept)).map((distance) => {
    number += distance;
    return from.texts.textOf(number);
  });
}

const listOf = (kept: Json) => kept as unknown as NumberList;

/** The shard that each row is of; null where the first fields name none. */
function shardsOf(names: readonly string[], [indices, shards]: readonly (readonly Json[])[]): readonly string[] | null {
  if (names[0] !== "index" || names[1] !== "shard") return null;
  return (indices ?? []).map((index, n) => `${index}/${shards?.[n]}`);
}

/** The fields of a list that is long enough and whose items all have them in the same order; null for any other. */
function fieldsOf(list: readonly Json[]): readonly string[] | null {
  const [first] = list;
  if (list.length < MIN_ROWS || first === undefined || !isRow(first)) return null;
  const names = Object.keys(first);
  const wanted = names.join("\n");
  return names.length > 0 && list.every((item) => isRow(item) && Object.keys(item).join("\n") === wanted)
    ? names
    : null;
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);
const isRow = (value: Json): value is Row => typeof value === "object" && value !== null && !Array.isArray(value);
const areTexts = (list: readonly Json[]): list is readonly string[] => list.every((item) => typeof item === "string");
const areNumbers = (list: readonly Json[]): list is Numbers => list.every((item) => Number.isSafeInteger(item));
