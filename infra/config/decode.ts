import { type Key, keysOf } from "../../watchdog/config/keys.ts";
import { stackSchema } from "./schema.ts";

/**
 * Turns the texts that Pulumi passes into values, by the schema of each key. A text that it cannot convert stays a text,
 * which the schema then refuses.
 */
export function decode(texts: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  const keys = new Map(keysOf(stackSchema).flatMap((key) => (key.path.length === 1 ? [[key.path.join(), key]] : [])));
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, meaningOf(text, keys.get(name))]));
}

const booleans: Readonly<Record<string, boolean>> = { true: true, false: false };

function meaningOf(text: string, key: Key | undefined): unknown {
  if (key?.nullable && text.trim() === "none") return null;
  switch (key?.schema.type) {
    case "boolean":
      return booleans[text] ?? text;
    case "array":
      return text.trim().startsWith("[") ? parsed(text) : splitAtCommas(text);
    case "object":
      return parsed(text);
    default:
      return text;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Handier on the command line than JSON. */
function splitAtCommas(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
