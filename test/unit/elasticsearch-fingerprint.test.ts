import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fingerprint } from "../../lab/elasticsearch/distribution/fingerprint.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-fingerprint-"));
  await mkdir(path.join(directory, "below"));
  await writeFile(path.join(directory, "below/a.txt"), "a");
});

afterEach(() => rm(directory, { recursive: true }));

test("the key changes when a file in a directory changes, is added or renamed", async () => {
  const seen = new Set([await fingerprint({ paths: [directory] })]);
  await writeFile(path.join(directory, "below/a.txt"), "b");
  seen.add(await fingerprint({ paths: [directory] }));
  await writeFile(path.join(directory, "c.txt"), "");
  seen.add(await fingerprint({ paths: [directory] }));
  await rename(path.join(directory, "c.txt"), path.join(directory, "d.txt"));
  seen.add(await fingerprint({ paths: [directory] }));
  expect(seen.size).toBe(4);
});

test("the key changes with a file or a value, and not with the directory's location", async () => {
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

test("a builder counts with its code, and not with its comments and imports", async () => {
  const file = path.join(directory, "builder.ts");
  const after = async (source: string) => {
    await writeFile(file, source);
    return fingerprint({ builders: [file] });
  };
  const before = await after(
    'import { a } from "./a.ts";\n\n/** Builds. */\nexport function build() {\n  return a(1);\n}\n',
  );
  const reworded =
    'import {\n  a,\n} from "../a.ts";\n\n/**\n * Makes it.\n */\nexport function build() {\n  // Once.\n  return a(1);\n}\n';
  expect(await after(reworded)).toBe(before);
  expect(await after(reworded.replace("a(1)", "a(2)"))).not.toBe(before);
});
