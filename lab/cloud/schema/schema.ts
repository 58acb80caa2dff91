import { readFileSync } from "node:fs";

/** The type of a property, from the package's type declarations. */
export type TypeSchema =
  | { readonly kind: "string" | "number" | "boolean" | "any" | "assetOrArchive" }
  | { readonly kind: "enum"; readonly values: readonly string[] }
  | { readonly kind: "list"; readonly items: TypeSchema }
  | { readonly kind: "map"; readonly values: TypeSchema }
  | { readonly kind: "object"; readonly type: string };

export interface PropertySchema {
  readonly type: TypeSchema;
  readonly required: boolean;
  /** A change of this input makes a new resource, according to the package's documentation. */
  readonly recreates?: true;
}

export type PropertySchemas = Readonly<Record<string, PropertySchema>>;

export interface ResourceSchema {
  readonly inputs: PropertySchemas;
  readonly outputs: readonly string[];
  /** Outputs that the package marks as secret. */
  readonly secretOutputs: readonly string[];
}

/** The part of a Pulumi package that the lab serves, derived from its npm package. */
export interface PackageSchema {
  readonly name: string;
  readonly version: string;
  readonly configuration: PropertySchemas;
  readonly resources: Readonly<Record<string, ResourceSchema>>;
  readonly functions: Readonly<Record<string, PropertySchemas>>;
  /** Nested object types by name. */
  readonly types: Readonly<Record<string, PropertySchemas>>;
}

export const packageNames = ["ovh", "command", "tls", "random"] as const;
export type PackageName = (typeof packageNames)[number];

export const schemaFile = (name: PackageName): URL => new URL(`./${name}.json`, import.meta.url);

/** Reads a package's schema, which `node lab/cloud/schema/generate.ts` generates. */
export function packageSchema(name: PackageName): PackageSchema {
  return JSON.parse(readFileSync(schemaFile(name), "utf8")) as PackageSchema;
}
