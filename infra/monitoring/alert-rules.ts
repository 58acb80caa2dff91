import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { duration } from "./duration.ts";

/** The alert rules of monitoring/rules, as Prometheus on the witness reads them. */

const directory = path.join(import.meta.dirname, "..", "..", "monitoring", "rules");

/** Text of each file of rules by its name. */
export function ruleFiles(): Readonly<Record<string, string>> {
  const names = readdirSync(directory).filter((name) => name.endsWith(".yml"));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(path.join(directory, name), "utf8")]));
}

const alertLine = /^( *)- alert: (\w+)$/;

export function alertNames(): readonly string[] {
  return Object.values(ruleFiles()).flatMap((text) =>
    text.split("\n").flatMap((line) => alertLine.exec(line)?.[2] ?? []),
  );
}

/** The rules with another `for` for some alerts. The files have each key on a line of its own, so that no parser is needed. */
export function withDelays(rules: string, delaysMs: Readonly<Record<string, number>>): string {
  const lines: string[] = [];
  let replaced: string | undefined;
  for (const line of rules.split("\n")) {
    const [, indent = "", name] = alertLine.exec(line) ?? [];
    if (name !== undefined) {
      const delayMs = delaysMs[name];
      replaced = delayMs === undefined ? undefined : name;
      lines.push(line, ...(delayMs === undefined ? [] : [`${indent}  for: ${duration(delayMs)}`]));
    } else if (replaced === undefined || !/^ *for: /.test(line)) lines.push(line);
  }
  return lines.join("\n");
}
