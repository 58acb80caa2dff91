import type { z } from "zod";
import { closestKey, keysOf, pathText } from "./keys.ts";

/** One thing that is wrong with a configuration: where, and what to write. */
export interface ConfigViolation {
  /** `regions.gra.nodes[0]`; empty for the file as a whole. */
  readonly key: string;
  /** Continues the key as a sentence, without the full stop: `is "x": write an https URL`. */
  readonly message: string;
}

/** The violation as a sentence without its full stop. */
export function sentenceOf({ key, message }: ConfigViolation): string {
  return key === "" ? message : `${key} ${message}`;
}

/** All that is wrong with a configuration, at once. Shows no secret. */
export class ConfigError extends Error {
  /** `/etc/es-failover/watchdog.json`, or the name of another source. */
  readonly source: string;
  readonly violations: readonly ConfigViolation[];

  /** @param advice a sentence that follows the violations; empty for none */
  constructor(source: string, violations: readonly ConfigViolation[], advice = "") {
    const lines = violations.map((violation) => `  ${sentenceOf(violation)}`);
    super([`${source} is not valid:`, ...lines, ...(advice === "" ? [] : [advice])].join("\n"));
    this.name = "ConfigError";
    this.source = source;
    this.violations = violations;
  }
}

/** A parsed configuration, or everything in which it differs from its schema. */
export type Parsed<Schema extends z.ZodType> =
  | { readonly config: z.output<Schema>; readonly violations: null }
  | { readonly violations: readonly ConfigViolation[] };

export interface ParseOptions {
  /** The file that a key is in, for the message about an unknown key. */
  readonly fileOf: (key: string) => string;
  /** Whether a key's value must not appear in a message. By default none is secret. */
  readonly isSecret?: (key: string) => boolean;
  /** Schema whose keys are known; by default the one that is parsed. */
  readonly known?: z.ZodType;
  /** How a user writes a key; by default as it is. */
  readonly nameOf?: (key: string) => string;
}

/** Checks a configuration against its schema. An unknown key is named without its value. */
export function parseSchema<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  options: ParseOptions,
): Parsed<Schema> {
  const parsed = schema.safeParse(input, { error: adviceFor });
  if (parsed.success) return { config: parsed.data, violations: null };
  return { violations: parsed.error.issues.flatMap((issue) => violationsOf(issue, input, schema, options)) };
}

function violationsOf(
  issue: z.core.$ZodIssue,
  input: unknown,
  schema: z.ZodType,
  options: ParseOptions,
): readonly ConfigViolation[] {
  const { isSecret = () => false } = options;
  const key = pathText(issue.path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((name) => unknownKeyViolation([...issue.path, name], { known: schema, ...options }));
  }
  if (issue.code === "invalid_key") {
    return [{ key, message: `has no valid name: ${issue.issues.map(({ message }) => message).join(", ")}` }];
  }
  const value = valueAt(input, issue.path);
  if (isSecret(key) && value !== undefined) return [{ key, message: issue.message }];
  const shown = value === undefined ? "is missing" : `is ${show(value)}`;
  return [{ key, message: `${shown}: ${issue.message}` }];
}

/** An unknown key, with the file that it is in and the known key that is most like it. */
export function unknownKeyViolation(
  path: readonly PropertyKey[],
  { known, fileOf, nameOf = (name) => name }: ParseOptions & { readonly known: z.ZodType },
): ConfigViolation {
  const key = pathText(path);
  const closest = nameOf(closestKey(keysOf(known), path));
  return { key, message: `is not a known key of ${fileOf(key)}; the closest one is ${closest}` };
}

/** What to write where a schema has no message of its own. */
function adviceFor(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return adviceByType[issue.expected];
    case "invalid_value":
      return `write ${issue.values.join(" or ")}`;
    case "invalid_union":
      return Array.isArray(issue["options"]) ? `write ${issue["options"].join(" or ")}` : undefined;
    case "too_small":
      return `write at least ${issue.minimum}`;
    case "too_big":
      return `write at most ${issue.maximum}`;
    default:
      return undefined;
  }
}

const adviceByType: Partial<Record<z.core.$ZodInvalidTypeExpected, string>> = {
  object: "write an object with the keys below it",
  record: "write an object with a key for each region",
  array: "write a list",
  tuple: "write a list",
  string: "write a text",
  number: "write a number",
  int: "write a whole number",
  boolean: "write true or false",
};

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (typeof value === "object" && value !== null ? Reflect.get(value, part) : undefined),
    input,
  );
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
