/** A property of a value that comes without a type, such as a setting by its full name; undefined when there is none. */
export function property(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
