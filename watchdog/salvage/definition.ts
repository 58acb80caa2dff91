import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { PRIVATE_FILE } from "../util/durable.ts";
import { writeFileAtomically } from "../util/files.ts";
import { sumOf } from "./lines.ts";
import type { Receipt } from "./receipt.ts";

/** What it takes to create an index again, as the old primary had it. */

const DEFINITION_FILE = "definition.json";

const object = z.record(z.string(), z.unknown());
const definitionSchema = z.object({
  settings: object,
  mappings: object,
  aliases: z.record(z.string(), object),
});
export type IndexDefinition = z.output<typeof definitionSchema>;

export async function writeDefinition(directory: string, definition: IndexDefinition): Promise<Receipt["definition"]> {
  const content = Buffer.from(`${JSON.stringify(definitionSchema.parse(definition), null, 2)}\n`);
  await writeFileAtomically(path.join(directory, DEFINITION_FILE), content.toString(), { mode: PRIVATE_FILE });
  return { file: DEFINITION_FILE, ...sumOf(content) };
}

export async function readDefinition(directory: string, { definition }: Receipt): Promise<IndexDefinition> {
  return definitionSchema.parse(JSON.parse(await readFile(path.join(directory, definition.file), "utf8")));
}

/** Settings that Elasticsearch sets itself, or that belong to the state of the old index and not to its definition. */
const NOT_TO_COPY =
  /^(uuid|creation_date|creation_date_string|provided_name|version|history|resize|shrink|blocks|xpack|frozen|verified_before_close|verified_read_only)$/;

/**
 * The request that creates the index again: without what only the old index had, and with aliases that take no writes,
 * because the applications' writes go where the active region's alias leads.
 */
export function creationOf({ settings, mappings, aliases }: IndexDefinition): IndexDefinition {
  const index = object.safeParse(settings["index"]).data ?? {};
  const kept = Object.entries(index).filter(([key]) => !NOT_TO_COPY.test(key));
  return {
    settings: { index: Object.fromEntries(kept) },
    mappings,
    aliases: Object.fromEntries(
      Object.entries(aliases).map(([alias, options]) => [alias, { ...options, is_write_index: false }]),
    ),
  };
}

/**
 * The same without settings that Elasticsearch refuses as private, by their names in its refusal: each version has others
 * that no request may set, and no call lists them (elasticsearch #44440). null when it refused for another reason.
 */
export function withoutPrivateSettings(definition: IndexDefinition, refusal: string): IndexDefinition | null {
  const names = [...refusal.matchAll(/private index setting \[([^\]]+)\]/g)].flatMap(([, name]) => name ?? []);
  if (names.length === 0) return null;
  return {
    ...definition,
    settings: names.reduce((rest, name) => withoutPath(rest, name.split(".")), definition.settings),
  };
}

type Settings = IndexDefinition["settings"];

function withoutPath(settings: Settings, [first = "", ...rest]: readonly string[]): Settings {
  const inner = object.safeParse(settings[first]).data;
  const others = Object.fromEntries(Object.entries(settings).filter(([key]) => key !== first));
  return rest.length === 0 || inner === undefined ? others : { ...others, [first]: withoutPath(inner, rest) };
}
