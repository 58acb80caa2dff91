import type { Key } from "../../watchdog/config/keys.ts";
import { profileNames } from "../../watchdog/config/profiles.ts";

/** The value and the default of a key, in Markdown, from the key's schema. */

type Schema = Key["schema"];

/** Whether a key holds further keys. */
export function isSection(schema: Schema): boolean {
  return (
    schema.properties !== undefined || schema.oneOf !== undefined || typeof schema.additionalProperties === "object"
  );
}

/** What may be written: form, unit, bounds. */
export function valueText(schema: Schema): string {
  if (typeof schema["value"] === "string") return schema["value"];
  if (isSection(schema)) return "section";
  if (schema.enum !== undefined) return schema.enum.map((value) => code(String(value))).join(", ");
  switch (schema.type) {
    case "boolean":
      return `${code("true")}, ${code("false")}`;
    case "integer":
      return typeof schema["unit"] === "string" ? `${schema["unit"]}, ${rangeText(schema)}` : rangeText(schema);
    case "array":
      return listText(schema);
    default:
      return schema.maxLength === undefined ? "text" : `text of at most ${schema.maxLength} characters`;
  }
}

function rangeText({ exclusiveMinimum, minimum, maximum = Number.MAX_SAFE_INTEGER }: Schema): string {
  const least = typeof exclusiveMinimum === "number" ? exclusiveMinimum + 1 : minimum;
  return maximum === Number.MAX_SAFE_INTEGER ? `from ${least}` : `${least} to ${maximum}`;
}

function listText({ items, prefixItems = [], minItems = 0, maxItems }: Schema): string {
  const elements = [...prefixItems, items].flatMap((element) =>
    typeof element === "object" && !Array.isArray(element) ? [valueText(element)] : [],
  );
  const least = minItems === 0 ? "" : ` of ${minItems} or more`;
  const length = maxItems === undefined ? least : ` of ${minItems} to ${maxItems}`;
  return `list${length}: ${elements.join(", then ")}`;
}

/**
 * What holds when the key is left out.
 *
 * @param nullText how null is written
 */
export function defaultText({ schema, required }: Key, nullText: string): string {
  if (required) return "required";
  const { defaults } = schema;
  if (typeof defaults === "object" && defaults !== null) {
    return defaultByProfile(defaults);
  }
  if (schema.default === undefined) return "none";
  if (schema.default === null) return code(nullText);
  return isEmptySection(schema) ? "" : code(JSON.stringify(schema.default));
}

function defaultByProfile(defaults: object): string {
  const values = profileNames.map((name) => ({ name, text: code(JSON.stringify(Reflect.get(defaults, name))) }));
  const [first] = values;
  return values.every(({ text }) => text === first?.text)
    ? (first?.text ?? "")
    : values.map(({ name, text }) => `${text} (${name})`).join(", ");
}

/** Its keys have defaults of their own. */
function isEmptySection({ default: value }: Schema): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

export function code(text: string): string {
  return `\`${text}\``;
}
