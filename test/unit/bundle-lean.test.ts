import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { unusedApis } from "../../watchdog/bundle-lean.ts";

const sources = path.join(import.meta.dirname, "..", "..", "watchdog");

test("the watchdog calls no part of Elasticsearch's API that its program leaves out", async () => {
  const files = (await readdir(sources, { recursive: true })).filter((file) => file.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(300);
  const texts = await Promise.all(files.map((file) => readFile(path.join(sources, file), "utf8")));
  const called = new Set(texts.flatMap((text) => [...text.matchAll(/\bclient\.(\w+)\./g)].map(([, name]) => name)));
  expect([...called]).toEqual(expect.arrayContaining(["indices", "ccr", "cluster"]));
  const inCamelCase = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  expect(unusedApis.filter((api) => called.has(inCamelCase(api)))).toEqual([]);
});
