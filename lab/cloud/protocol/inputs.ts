import { isMap, type PropertyMap, type PropertyValue } from "./values.ts";

/** Typed access to inputs that passed the schema check; another type is a defect of the provider. */
function wrong(name: string, expected: string): Error {
  return new Error(`${name} is not ${expected}, but passed the schema check`);
}

export function optionalText(inputs: PropertyMap, name: string): string | undefined {
  const value = inputs[name] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw wrong(name, "a string");
}

export function text(inputs: PropertyMap, name: string): string {
  const value = optionalText(inputs, name);
  if (value === undefined) throw wrong(name, "a string");
  return value;
}

export function optionalNumber(inputs: PropertyMap, name: string): number | undefined {
  const value = inputs[name] ?? undefined;
  if (value === undefined || typeof value === "number") return value;
  throw wrong(name, "a number");
}

export function number(inputs: PropertyMap, name: string): number {
  const value = optionalNumber(inputs, name);
  if (value === undefined) throw wrong(name, "a number");
  return value;
}

export function flag(inputs: PropertyMap, name: string, whenAbsent: boolean): boolean {
  const value = inputs[name] ?? whenAbsent;
  if (typeof value === "boolean") return value;
  throw wrong(name, "a boolean");
}

export function list(inputs: PropertyMap, name: string): readonly PropertyValue[] {
  const value: PropertyValue = inputs[name] ?? [];
  if (Array.isArray(value)) return value;
  throw wrong(name, "a list");
}

export function texts(inputs: PropertyMap, name: string): readonly string[] {
  return list(inputs, name).map((value) => {
    if (typeof value === "string") return value;
    throw wrong(name, "a list of strings");
  });
}

export function maps(inputs: PropertyMap, name: string): readonly PropertyMap[] {
  return list(inputs, name).map((value) => {
    if (isMap(value)) return value;
    throw wrong(name, "a list of objects");
  });
}

export function optionalMap(inputs: PropertyMap, name: string): PropertyMap | undefined {
  const value = inputs[name] ?? undefined;
  if (value === undefined || isMap(value)) return value;
  throw wrong(name, "an object");
}
