import { readFile } from "node:fs/promises";
import type { z } from "zod";
import { reasonOf } from "../util/files.ts";
import { ConfigError, parseSchema } from "./violations.ts";

/**
 * Reads a configuration file and checks it against its schema.
 *
 * @throws ConfigError
 */
export async function parseJsonFile<Schema extends z.ZodType>(file: string, schema: Schema): Promise<z.output<Schema>> {
  const parsed = parseSchema(schema, await readJson(file), { fileOf: () => file });
  if (parsed.violations !== null) throw new ConfigError(file, parsed.violations);
  return parsed.config;
}

/** @throws ConfigError when the file cannot be read or is not JSON */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    const reason =
      error instanceof SyntaxError ? `is not JSON: ${error.message}` : `cannot be read: ${reasonOf(error)}`;
    throw new ConfigError(file, [{ key: "", message: `the file ${reason}` }]);
  }
}
