import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readSettled, recordOutcomes } from "../../watchdog/salvage/replay/journal.ts";
import { Positions } from "../../watchdog/salvage/replay/positions.ts";

const LINES = 600_000;
/** Far below what the journal's text alone would take. */
const HEAP_MIB = 24;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-journal-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test("the journal of very many operations is read in bounded memory", { timeout: 120_000 }, async () => {
  const chunk = 10_000;
  const text = function* () {
    for (let from = 0; from < LINES; from += chunk) {
      yield Array.from({ length: chunk }, (_, n) => `{"n":${from + n},"outcome":"written"}\n`).join("");
    }
  };
  await pipeline(Readable.from(text()), createWriteStream(path.join(directory, "outcome.ndjson")));
  const journal = pathToFileURL(path.resolve("watchdog/salvage/replay/journal.ts")).href;
  const script = `const { readSettled } = await import(${JSON.stringify(journal)});
    console.log((await readSettled(${JSON.stringify(directory)})).size);`;
  const flags = [`--max-old-space-size=${HEAP_MIB}`, "--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, flags);
  expect(Number(stdout)).toBe(LINES);
});

test("a line that a crash cut off is dropped, by readers and by the next writer, however long it is", async () => {
  await recordOutcomes(directory, [{ n: 1, outcome: "written" }]);
  await appendFile(path.join(directory, "outcome.ndjson"), `{"n":2,"reason":"${"x".repeat(200_000)}`);
  expect((await readSettled(directory)).size).toBe(1);
  await recordOutcomes(directory, [{ n: 3, outcome: "present" }]);
  expect((await readFile(path.join(directory, "outcome.ndjson"), "utf8")).split("\n")).toHaveLength(3);
  const settled = await readSettled(directory);
  expect([1, 2, 3].map((n) => settled.has(n))).toEqual([true, false, true]);
});

test("positions are a set of numbers", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100_000)), fc.nat(100_000), (added, asked) => {
      const positions = new Positions();
      for (const position of added) positions.add(position);
      expect(positions.size).toBe(new Set(added).size);
      expect(positions.has(asked)).toBe(added.includes(asked));
    }),
  );
});
