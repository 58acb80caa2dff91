import type { z } from "zod";
import { EtcdError } from "./errors.ts";
import type { KeyValue } from "./wire.ts";

/** Reads a value that one of us wrote. A wrong one is never skipped: a router that is overlooked may still route. */
export function parseValue<Schema extends z.ZodType>({ key, value }: KeyValue, schema: Schema): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch {
    throw new EtcdError("rejected", `etcd: the value of ${key} is not JSON; look at it with etcdctl get ${key}`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join(".") || "the value itself";
  throw new EtcdError("rejected", `etcd: the value of ${key} is not as expected: ${where}: ${issue?.message ?? ""}`);
}
