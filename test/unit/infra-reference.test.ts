import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { stackSchema } from "../../infra/config/schema.ts";
import { renderLogEvents } from "../../infra/reference/log-events.ts";
import { renderMetrics } from "../../infra/reference/metrics.ts";
import { monitoringFiles } from "../../infra/reference/monitoring.ts";
import { renderReference } from "../../infra/reference/render.ts";
import { publisherSchema } from "../../watchdog/config/applications.ts";
import { keysOf, pathText } from "../../watchdog/config/keys.ts";
import { watchdogFileSchema } from "../../watchdog/config/schema.ts";
import { memberConfigSchema } from "../../watchdog/etcd-member/config.ts";

const schemas = {
  "a stack": stackSchema,
  "watchdog.json": watchdogFileSchema,
  "a publisher": publisherSchema,
  "member.json": memberConfigSchema,
};

const docs = path.join(import.meta.dirname, "..", "..", "docs");

describe("docs/log-events.md", () => {
  test("is current: `npm run docs` writes it", async () => {
    expect(await readFile(path.join(docs, "log-events.md"), "utf8")).toBe(renderLogEvents());
  });
});

describe("docs/metrics.md", () => {
  test("is current: `npm run docs` writes it", async () => {
    expect(await readFile(path.join(docs, "metrics.md"), "utf8")).toBe(renderMetrics());
  });
});

describe("monitoring/", () => {
  test.each(Object.entries(monitoringFiles()))("%s is current: `npm run docs` writes it", async (name, content) => {
    expect(await readFile(path.join(docs, "..", "monitoring", name), "utf8")).toBe(content);
  });
});

describe("docs/configuration.md", () => {
  test("is current: `npm run docs` writes it", async () => {
    expect(await readFile(path.join(docs, "configuration.md"), "utf8")).toBe(renderReference());
  });

  test.each(Object.entries(schemas))("states the meaning of every key of %s", (_what, schema) => {
    const unexplained = keysOf(schema).filter(({ schema: { description = "" } }) => !/^\S.*\.$/.test(description));
    expect(unexplained.map(({ path: key }) => pathText(key))).toEqual([]);
  });

  test.each(Object.entries(schemas))("names every key of %s", (what, schema) => {
    const reference = renderReference();
    const prefix = what === "a publisher" ? "publisher." : "";
    const missing = keysOf(schema)
      .filter(({ path: [top] }) => top !== "publisher")
      .map(({ path: key }) => prefix + pathText(key))
      .filter((key) => !reference.includes(`\`${key}\``) && !reference.includes(`### ${key}\n`));
    expect(missing).toEqual([]);
  });
});
