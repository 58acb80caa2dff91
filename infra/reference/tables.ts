import { type Key, pathText } from "../../watchdog/config/keys.ts";
import { code, defaultText, valueText } from "./values.ts";

export interface TableOptions {
  /** The section that holds all keys of the schema: `publisher`. By default they are at the top of their file. */
  readonly within?: string;
  /** How null is written; by default as in JSON. */
  readonly nullText?: string;
  /** Names of sections that are left out. */
  readonly without?: readonly string[];
}

/** The keys at the top of a schema in one table, then a table with a heading for each section. */
export function sectionTables(keys: readonly Key[], options: TableOptions = {}): string {
  const { within, without = [] } = options;
  const top = keys.filter(({ path }) => path.length === 1 && !without.includes(path.join()));
  const sections = top.map((head) => ({ head, keys: keys.filter((key) => isBelow(key, head)) }));
  const plain = sections.filter((section) => section.keys.length === 0).map(({ head }) => head);
  const prefix = within === undefined ? "" : `${within}.`;
  return [
    keyTable(plain, options),
    ...sections.flatMap(({ head, keys: held }) =>
      held.length === 0
        ? []
        : [`### ${prefix}${pathText(head.path)}`, sectionIntroduction(head, options), keyTable(held, options)],
    ),
  ].join("\n\n");
}

function isBelow({ path }: Key, head: Key): boolean {
  return path.length > 1 && path[0] === head.path[0];
}

function sectionIntroduction(head: Key, { nullText = "null" }: TableOptions): string {
  const fallback = defaultText(head, nullText);
  const note = fallback === "" ? "" : fallback === "required" ? " Required." : ` Default: ${fallback}.`;
  return `${head.schema.description ?? ""}${note}`;
}

/** One row for each key. */
export function keyTable(keys: readonly Key[], { within, nullText = "null" }: TableOptions = {}): string {
  const prefix = within === undefined ? "" : `${within}.`;
  const rows = keys.map((key) =>
    row([code(prefix + pathText(key.path)), meaning(key), valueText(key.schema), defaultText(key, nullText)]),
  );
  return [row(["key", "meaning", "value", "default"]), "|---|---|---|---|", ...rows].join("\n");
}

function meaning({ schema: { description = "" }, kind }: Key): string {
  return kind === undefined ? description : `Kind ${code(kind)}: ${description}`;
}

/** A row of a table in Markdown. */
export function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
