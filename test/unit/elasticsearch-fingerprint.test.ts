import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fingerprint } from "../../lab/elasticsearch/fingerprint.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-fingerprint-"));
  await mkdir(path.join(directory, "below"));
  await writeFile(path.join(directory, "below/a.txt"), "a");
});

afterEach(() => rm(directory, { recursive: true }));

test("what is made from a directory is made anew when a file in it changes, comes or is renamed", async () => {
  const seen = new Set([await fingerprint({ paths: [directory] })]);
  await writeFile(path.join(directory, "below/a.txt"), "b");
  seen.add(await fingerprint({ paths: [directory] }));
  await writeFile(path.join(directory, "c.txt"), "");
  seen.add(await fingerprint({ paths: [directory] }));
  await rename(path.join(directory, "c.txt"), path.join(directory, "d.txt"));
  seen.add(await fingerprint({ paths: [directory] }));
  expect(seen.size).toBe(4);
});

test("a change of one file or one value counts, and where the directory lies does not", async () => {
  const file = path.join(directory, "below/a.txt");
  const before = await fingerprint({ values: ["1"], paths: [file] });
  expect(await fingerprint({ values: ["2"], paths: [file] })).not.toBe(before);
  await writeFile(file, "b");
  expect(await fingerprint({ values: ["1"], paths: [file] })).not.toBe(before);

  const moved = `${directory}-moved`;
  const here = await fingerprint({ paths: [directory] });
  await rename(directory, moved);
  try {
    expect(await fingerprint({ paths: [moved] })).toBe(here);
  } finally {
    await rename(moved, directory);
  }
});
