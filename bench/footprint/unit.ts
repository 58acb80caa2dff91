import { readFile } from "node:fs/promises";
import path from "node:path";

export interface StartedByUnit {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The start of the program as on a host: its flags and environment are in the unit alone.
 *
 * @param flags of Node, instead of the unit's
 */
export async function startedByUnit(program: string, flags: readonly string[] | null): Promise<StartedByUnit> {
  const unit = await readFile(path.join(program, "es-failover.service"), "utf8");
  const wordsOf = (key: string) => unit.match(new RegExp(`^${key}=(.*)$`, "m"))?.[1]?.split(" ") ?? [];
  const ofUnit = wordsOf("ExecStart").filter((word) => word.startsWith("--"));
  return {
    argv: [path.join(program, "node"), ...(flags ?? ofUnit), path.join(program, "es-failover.mjs")],
    env: Object.fromEntries(wordsOf("Environment").map((word) => word.split("=") as [string, string])),
  };
}
