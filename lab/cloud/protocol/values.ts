import { isDeepStrictEqual } from "node:util";

/** Property values of Pulumi's provider protocol: JSON, and values that are unknown (in previews), secret, an asset or an archive. */
export type PropertyValue =
  | null
  | boolean
  | number
  | string
  | readonly PropertyValue[]
  | PropertyMap
  | Unknown
  | Secret
  | Asset
  | Archive;

export interface PropertyMap {
  readonly [name: string]: PropertyValue;
}

/** A value that is unknown until the resources it depends on exist. Occurs in previews only. */
export class Unknown {
  readonly #brand = "unknown";
  toJSON(): string {
    return this.#brand;
  }
}
export const unknown = new Unknown();

/** A value that the engine encrypts in its state and hides in its output. */
export class Secret {
  readonly value: PropertyValue;
  constructor(value: PropertyValue) {
    this.value = value;
  }
}

/** A text or a file, identified by the hash of its content. */
export class Asset {
  readonly hash: string;
  readonly content: { readonly text: string } | { readonly path: string } | { readonly uri: string };
  constructor(hash: string, content: Asset["content"]) {
    this.hash = hash;
    this.content = content;
  }
}

/** A directory or an archive file, identified by the hash of its content. */
export class Archive {
  readonly hash: string;
  readonly content: { readonly path: string } | { readonly uri: string } | { readonly assets: PropertyMap };
  constructor(hash: string, content: Archive["content"]) {
    this.hash = hash;
    this.content = content;
  }
}

export function isMap(value: PropertyValue | undefined): value is PropertyMap {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Unknown || value instanceof Secret || value instanceof Asset || value instanceof Archive)
  );
}

function isList(value: PropertyValue): value is readonly PropertyValue[] {
  return Array.isArray(value);
}

/** The value without secret wrappers at any depth. Unknown values stay unknown. */
export function reveal(value: PropertyValue): PropertyValue {
  if (value instanceof Secret) return reveal(value.value);
  if (isList(value)) return value.map(reveal);
  if (isMap(value)) return revealMap(value);
  return value;
}

export function revealMap(map: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, reveal(value)]));
}

export function holdsSecret(value: PropertyValue): boolean {
  if (value instanceof Secret) return true;
  if (isList(value)) return value.some(holdsSecret);
  return isMap(value) && Object.values(value).some(holdsSecret);
}

export function holdsUnknown(value: PropertyValue): boolean {
  if (value instanceof Unknown) return true;
  if (value instanceof Secret) return holdsUnknown(value.value);
  if (isList(value)) return value.some(holdsUnknown);
  return isMap(value) && Object.values(value).some(holdsUnknown);
}

/** Whether a diff takes two values for the same: ignores secret wrappers, compares assets and archives by content. */
export function sameValue(a: PropertyValue | undefined, b: PropertyValue | undefined): boolean {
  return isDeepStrictEqual(comparable(a ?? null), comparable(b ?? null));
}

function comparable(value: PropertyValue): unknown {
  if (value instanceof Secret) return comparable(value.value);
  if (value instanceof Unknown) return Symbol.for("unknown");
  if (value instanceof Asset) return { asset: value.hash };
  if (value instanceof Archive) return { archive: value.hash };
  if (isList(value)) return value.map(comparable);
  if (isMap(value)) {
    return Object.fromEntries(
      Object.entries(value)
        .map(([name, member]) => [name, comparable(member)])
        .filter(([, member]) => member !== null),
    );
  }
  return value;
}
