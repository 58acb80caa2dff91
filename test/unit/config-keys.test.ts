import { describe, expect, test } from "vitest";
import { z } from "zod";
import { closestKey, keysOf, pathText } from "../../watchdog/config/keys.ts";
import { watchdogFileSchema } from "../../watchdog/config/schema.ts";

describe("the keys of a schema", () => {
  const schema = z.strictObject({
    name: z.string().default("a").describe("Name."),
    section: z.strictObject({ deep: z.number().nullable().default(null) }).prefault({}),
    files: z.array(z.strictObject({ path: z.string() })),
    regions: z.record(z.string(), z.strictObject({ nodes: z.array(z.string()) })),
    store: z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("file"), directory: z.string() }),
      z.strictObject({ kind: z.literal("etcd"), prefix: z.string().default("/") }),
    ]),
  });
  const keys = keysOf(schema);

  test("are listed with sections before what they hold, and the kind for which they exist", () => {
    expect(keys.map(({ path, kind }) => [pathText(path), kind ?? "any"].join(" "))).toEqual([
      "name any",
      "section any",
      "section.deep any",
      "files any",
      "files[].path any",
      "regions any",
      "regions.<region>.nodes any",
      "store any",
      "store.kind any",
      "store.directory file",
      "store.prefix etcd",
    ]);
  });

  test("carry whether they are required, whether they may be null, their default and their meaning", () => {
    const key = (text: string) => keys.find(({ path }) => pathText(path) === text);
    expect(key("name")).toMatchObject({ required: false, schema: { default: "a", description: "Name." } });
    expect(key("section.deep")).toMatchObject({ nullable: true, schema: { default: null, type: "number" } });
    expect(key("store.kind")).toMatchObject({ required: true, schema: { enum: ["file", "etcd"] } });
    expect(key("files")).toMatchObject({ required: true, nullable: false });
  });
});

describe("the closest known key", () => {
  const keys = keysOf(watchdogFileSchema);

  test.each([
    [["checks", "intervalMS"], "checks.intervalMs"],
    [["checks", "failTreshold"], "checks.failThreshold"],
    [["regions", "gra", "ndoes"], "regions.gra.nodes"],
    [["publisher", "files", 2, "pth"], "publisher.files[2].path"],
    [["store", "endpoint"], "store.endpoints"],
    [["ttlMs"], "leases.ttlMs"],
    [["nmae"], "name"],
    [["failover"], "failback"],
  ])("of %j is %s", (unknown, known) => {
    expect(closestKey(keys, unknown)).toBe(known);
  });
});
