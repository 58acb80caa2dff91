import type { z } from "zod";
import { EtcdError } from "./errors.ts";
import type { KeyValue } from "./wire.ts";

/** Parses a value that a watchdog wrote. An invalid one is never skipped: an overlooked router may still route. */
export function parseValue<Schema extends z.ZodType>({ key, value }: KeyValue, schema: Schema): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch {
    throw new EtcdError("rejected", `etcd: the value of ${key} is not JSON; inspect it with etcdctl get ${key}`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join(".") || "the value itself";
  throw new EtcdError("rejected", `etcd: the value of ${key} is invalid: ${where}: ${issue?.message ?? ""}`);
}
