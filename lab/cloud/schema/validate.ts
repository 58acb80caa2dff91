import type { Violation } from "../protocol/package.ts";
import { Archive, Asset, isMap, type PropertyMap, type PropertyValue, Unknown } from "../protocol/values.ts";
import type { PackageSchema, PropertySchemas, TypeSchema } from "./schema.ts";

/**
 * Checks properties against the published schema: no unknown and no missing property, and correct types. Values that are
 * not known yet pass; they are checked later. Secrets must be revealed.
 */
export function schemaViolations(
  schema: Pick<PackageSchema, "types">,
  properties: PropertySchemas,
  values: PropertyMap,
): Violation[] {
  return objectViolations(schema, properties, values, "");
}

function objectViolations(
  schema: Pick<PackageSchema, "types">,
  properties: PropertySchemas,
  values: PropertyMap,
  prefix: string,
): Violation[] {
  const violations: Violation[] = [];
  for (const [name, value] of Object.entries(values)) {
    const property = properties[name];
    if (property === undefined) {
      if (name === "__defaults") continue;
      violations.push({
        property: `${prefix}${name}`,
        reason: `there is no such property${suggestion(name, properties)}`,
      });
    } else if (value !== null) {
      violations.push(...typeViolations(schema, property.type, value, `${prefix}${name}`));
    }
  }
  for (const [name, property] of Object.entries(properties)) {
    if (property.required && (values[name] ?? null) === null) {
      violations.push({ property: `${prefix}${name}`, reason: "is required and missing" });
    }
  }
  return violations;
}

function suggestion(name: string, properties: PropertySchemas): string {
  const known = Object.keys(properties).sort();
  const near = known.find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  return near === undefined ? `; known are ${known.join(", ")}` : `; did you mean ${near}?`;
}

function typeViolations(
  schema: Pick<PackageSchema, "types">,
  type: TypeSchema,
  value: PropertyValue,
  where: string,
): Violation[] {
  if (value instanceof Unknown) return [];
  switch (type.kind) {
    case "any":
      return [];
    case "string":
    case "number":
    case "boolean":
      return typeof value === type.kind ? [] : [wrongType(where, `a ${type.kind}`, value)];
    case "enum":
      return typeof value === "string" && type.values.includes(value)
        ? []
        : [wrongType(where, `one of ${type.values.join(", ")}`, value)];
    case "assetOrArchive":
      return value instanceof Asset || value instanceof Archive ? [] : [wrongType(where, "an asset or archive", value)];
    case "list":
      if (!Array.isArray(value)) return [wrongType(where, "a list", value)];
      return value.flatMap((item: PropertyValue, index) =>
        typeViolations(schema, type.items, item, `${where}[${index}]`),
      );
    case "map":
      if (!isMap(value)) return [wrongType(where, "a map", value)];
      return Object.entries(value).flatMap(([key, member]) =>
        typeViolations(schema, type.values, member, `${where}.${key}`),
      );
    case "object":
      if (!isMap(value)) return [wrongType(where, "an object", value)];
      return objectViolations(schema, schema.types[type.type] ?? {}, value, `${where}.`);
    default:
      return type satisfies never;
  }
}

/** Does not show the value, which may be a secret. */
function wrongType(property: string, expected: string, value: PropertyValue): Violation {
  const got = value === null ? "nothing" : Array.isArray(value) ? "a list" : `a value of type ${typeof value}`;
  return { property, reason: `must be ${expected}, but is ${got}` };
}
