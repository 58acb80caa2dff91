import { z } from "zod";

/**
 * The keys of a configuration, read from its schema: for the message about an unknown key, for the text that Pulumi
 * hands over, and for the reference in docs/configuration.md.
 */

type Node = z.core.JSONSchema.BaseSchema;

/** One key, or one section of keys. */
export interface Key {
  /** Names from the top: `regions`, `<region>`, `nodes`. The element of a list has the name `[]`. */
  readonly path: readonly string[];
  /** The key's JSON schema: meaning (`description`), bounds, default, and the `meta` that the schema carries. */
  readonly schema: Node;
  readonly required: boolean;
  /** Whether the key may be null. */
  readonly nullable: boolean;
  /** The `kind` of the section for which the key exists; undefined when it exists for every kind. */
  readonly kind?: string;
}

/** A placeholder for the names that a user chooses: all of them are regions. */
const anyRegion = "<region>";
const anyElement = "[]";

/** All keys below a schema, sections before what they hold. */
export function keysOf(schema: z.ZodType): readonly Key[] {
  return below(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }), []);
}

/** `regions.<region>.nodes[]`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, position) => {
      if (part === anyElement) return part;
      if (typeof part === "number") return `[${part}]`;
      return position === 0 ? String(part) : `.${String(part)}`;
    })
    .join("");
}

function below(node: Node, path: readonly string[], kind?: string): readonly Key[] {
  const { schema } = withoutNull(node);
  const named = schema.additionalProperties;
  const elements = schema.items;
  return [
    ...propertiesBelow(schema, path, kind),
    ...(schema.oneOf === undefined ? [] : kindsBelow(schema.oneOf, path)),
    ...(typeof named === "object" ? below(named, [...path, anyRegion], kind) : []),
    ...(typeof elements === "object" && !Array.isArray(elements) ? below(elements, [...path, anyElement], kind) : []),
  ];
}

function propertiesBelow(node: Node, path: readonly string[], kind?: string): readonly Key[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    // The key that tells the kinds apart is the same for all of them.
    typeof child === "boolean" || child.const !== undefined
      ? []
      : keyAndBelow(child, [...path, name], node.required?.includes(name) ?? false, kind),
  );
}

/** A section that has kinds: the key that names the kind, then the keys of each. */
function kindsBelow(variants: readonly Node[], path: readonly string[]): readonly Key[] {
  const kinds = variants
    .flatMap(({ properties }) => Object.entries(properties ?? {}))
    .flatMap(([name, schema]) =>
      typeof schema === "object" && typeof schema.const === "string" ? [{ name, schema, kind: schema.const }] : [],
    );
  const [first] = kinds;
  if (first === undefined) return [];
  const description = kinds.map(({ schema }) => schema.description ?? "").join(" ");
  const schema: Node = { type: "string", enum: kinds.map(({ kind }) => kind), description };
  return [
    { path: [...path, first.name], schema, required: true, nullable: false },
    ...variants.flatMap((variant, position) => below(variant, path, kinds[position]?.kind)),
  ];
}

function keyAndBelow(node: Node, path: readonly string[], required: boolean, kind?: string): readonly Key[] {
  const key = { path, ...withoutNull(node), required, ...(kind === undefined ? {} : { kind }) };
  return [key, ...below(node, path, kind)];
}

/** The schema of the value itself, where null is allowed too. */
function withoutNull(node: Node): { readonly schema: Node; readonly nullable: boolean } {
  const { anyOf, type, ...outer } = node;
  if (Array.isArray(type)) {
    return { schema: { ...outer, type: type.find((name) => name !== "null") ?? "null" }, nullable: true };
  }
  const [value] = (anyOf ?? []).filter(({ type }) => type !== "null");
  return value === undefined ? { schema: node, nullable: false } : { schema: { ...value, ...outer }, nullable: true };
}

/** The known key that is most like an unknown one: of the same section, or of the same name in another. */
export function closestKey(keys: readonly Key[], unknown: readonly PropertyKey[]): string {
  const ranked = keys
    .map(({ path }) => path.map((part, position) => (isPlaceholder(part) ? (unknown[position] ?? part) : part)))
    .map((path) => ({ path: pathText(path), distance: distanceBetween(path, unknown) }))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.path ?? "";
}

const isPlaceholder = (part: string) => part === anyRegion || part === anyElement;

/** In another section a name counts when it differs by one letter at most. */
const letterElsewhere = 1;

function distanceBetween(known: readonly PropertyKey[], unknown: readonly PropertyKey[]): number {
  const section = (path: readonly PropertyKey[]) => pathText(path.slice(0, -1));
  const name = (path: readonly PropertyKey[]) => String(path.at(-1)).toLowerCase();
  const letters = editDistance(name(known), name(unknown));
  if (section(known) === section(unknown)) return letters;
  // Ranks after one wrong letter within the section.
  return letters > letterElsewhere ? Number.POSITIVE_INFINITY : letters + 1.5;
}

/**
 * How many letters have to be inserted, deleted, replaced, or exchanged with the next one, to turn one text into the
 * other (optimal string alignment distance).
 */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? 0;
  for (let row = 1; row <= from.length; row += 1) {
    rows.push([row]);
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = at(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const isSwapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const swapped = isSwapped ? at(row - 2, column - 2) + 1 : replaced;
      rows[row]?.push(Math.min(replaced, swapped, at(row - 1, column) + 1, at(row, column - 1) + 1));
    }
  }
  return at(from.length, to.length);
}
