import { isDeepStrictEqual } from "node:util";

/**
 * Property values as Pulumi's provider protocol knows them: JSON, plus what JSON cannot say: a value that is not known
 * yet (preview), a secret, an asset, an archive.
 */
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

/** A value that will only be known once the resources it depends on exist. Occurs in previews alone. */
export class Unknown {
  readonly #brand = "unknown";
  toJSON(): string {
    return this.#brand;
  }
}
export const unknown = new Unknown();

/** A value that the engine encrypts in its state and hides in what it shows. */
export class Secret {
  readonly value: PropertyValue;
  constructor(value: PropertyValue) {
    this.value = value;
  }
}

/** Text or a file, named by the hash of its content. */
export class Asset {
  readonly hash: string;
  readonly content: { readonly text: string } | { readonly path: string } | { readonly uri: string };
  constructor(hash: string, content: Asset["content"]) {
    this.hash = hash;
    this.content = content;
  }
}

/** A directory or an archive file, named by the hash of its content. */
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

/** The value without its secret wrappers, at any depth. What is unknown stays unknown. */
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

/** Whether two values are the same to a diff: secret wrappers do not count, assets and archives count by content. */
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
