import type { z } from "zod";

/** One thing that is wrong with a configuration: where, and what would be right. */
export interface ConfigViolation {
  /** `regions.gra.nodes[0]`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
}

/** The violation as a sentence without its full stop: a message continues its key. */
export function sentenceOf({ key, message }: ConfigViolation): string {
  return key === "" ? message : `${key} ${message}`;
}

/** All that is wrong with a configuration file, at once. Holds no secret: those stand in files of their own. */
export class ConfigError extends Error {
  readonly file: string;
  readonly violations: readonly ConfigViolation[];

  constructor(file: string, violations: readonly ConfigViolation[]) {
    const lines = violations.map((violation) => `  ${sentenceOf(violation)}`);
    super(`${file} is not a valid configuration:\n${lines.join("\n")}`);
    this.name = "ConfigError";
    this.file = file;
    this.violations = violations;
  }
}

/** What the schema found, with the value that was there. A key that does not belong is named without its value. */
export function schemaViolations(error: z.ZodError, input: unknown): readonly ConfigViolation[] {
  return error.issues.map((issue) => {
    const key = keyOf(issue.path);
    if (issue.code === "unrecognized_keys") {
      const known = issue.keys.map((name) => `"${name}"`).join(", ");
      return { key, message: `${known}: no such setting; check the spelling or remove it` };
    }
    const value = valueAt(input, issue.path);
    const shown = value === undefined ? "is missing" : `is ${show(value)}`;
    return { key, message: `${shown}: ${issue.message}` };
  });
}

function keyOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, position) => (typeof part === "number" ? `[${part}]` : `${position > 0 ? "." : ""}${String(part)}`))
    .join("");
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    input,
  );
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
