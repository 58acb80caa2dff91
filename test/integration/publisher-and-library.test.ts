/** What the publisher writes, libescluster's own parser reads as it was meant: two programs, one format. */
import { mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cToolchainObstacle } from "../../lab/machine/c-toolchain.ts";
import { run } from "../../lab/util/run.ts";
import type { FileEndpoint } from "../../watchdog/applications/formats/format.ts";
import { ini, iniFormat } from "../../watchdog/applications/formats/ini.ts";
import { defaultLayout } from "../../watchdog/config/file-layout.ts";
import { messageOf } from "../../watchdog/util/errors.ts";

const obstacle = await cToolchainObstacle();
const library = path.join(import.meta.dirname, "..", "..", "clients", "c");

const endpoint: fc.Arbitrary<FileEndpoint> = fc.record({
  epoch: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  region: fc.constantFrom("gra", "bhs", "sbg-2"),
  host: fc.constantFrom("10.81.0.10", "es.example.org", "2001:db8::10"),
  port: fc.integer({ min: 1, max: 65_535 }),
  caPath: fc.constantFrom("/etc/ca.crt", "/opt/My-CA/ca.pem"),
});

const blanks = fc.constantFrom("", " ", "\t", "  ", "\r");
const section = fc.constantFrom(
  "Elasticsearch",
  "elasticsearch",
  "ELASTICSEARCH",
  " Elasticsearch ",
  "Database",
  "x",
  "",
);
const behind = fc.constantFrom("", "", " ", " ; the primary", "   # mine", ";", "]", " [Other]");
const header = fc.tuple(blanks, section, fc.constantFrom("]", "]", "]", ""), behind).map((parts) => {
  const [before, name, close, after] = parts;
  return `${before}[${name}${close}${after}`;
});
const key = fc.constantFrom("Host", "PORT", "region", "Epoch", "CaPath", "Phase", "phase", "Timeout", "Hosts");
const value = fc.oneof(
  fc.constantFrom("10.0.0.1", "9200", "1", "gra", "/etc/old.crt", "closing", "serving", "", "a b", '"10.0.0.1"', "'3'"),
  fc.string({ unit: "grapheme-ascii", maxLength: 8 }),
);
const setting = fc
  .tuple(blanks, key, blanks, fc.constantFrom("=", "=", "=", "=", ":"), blanks, value, behind)
  .map((parts) => parts.join(""));
const anything = fc.constantFrom(
  "",
  "  ",
  "; a comment",
  "# another",
  "    continued",
  "\u00e4 = 1",
  "no setting",
  "\u000bHost = a",
  "\u00a0[Other]",
);
const line = fc.oneof(
  { weight: 3, arbitrary: setting },
  { weight: 2, arbitrary: header },
  { weight: 1, arbitrary: anything },
);
/** Files as people might leave them, in latin1: one character per byte. */
const file = fc
  .tuple(
    fc.constantFrom("", "", "", "\u00ef\u00bb\u00bf"),
    fc.array(line, { maxLength: 12 }),
    fc.constantFrom("\n", "\n", "\r\n"),
    fc.boolean(),
  )
  .map(
    ([mark, lines, end, ends]) => mark + lines.map((text) => text.replaceAll("\n", " ")).join(end) + (ends ? end : ""),
  );

describe.skipIf(obstacle !== undefined)(`an endpoint file ${obstacle ?? ""}`, () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp("/tmp/es-failover-parse-");
    const sources = ["endpoint-file.c", "endpoint.c", "util.c"].map((name) => path.join(library, "src", name));
    const program = path.join(import.meta.dirname, "support", "parse-endpoints.c");
    await run("cc", ["-O1", "-std=c11", "-pthread", `-I${library}`, "-o", `${directory}/parse`, program, ...sources]);
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  /** What libescluster reads of each text. */
  async function readings(texts: readonly string[]): Promise<readonly string[]> {
    const input = texts.map((text) => `${Buffer.from(text, "latin1").toString("hex")}\n`).join("");
    const output = await run(`${directory}/parse`, [], { input });
    return output.split("\n").slice(0, -1);
  }

  const asRead = ({ host, port, region, epoch, caPath }: FileEndpoint) =>
    `ok 1 ${host} ${port} ${region} ${epoch} ${caPath}`;

  test("of any content is read as the publisher meant it, or was written with a warning", async () => {
    const format = iniFormat({ ...defaultLayout("ini"), create: true });
    const counted = { rendered: 0, read: 0 };
    const written = (text: string, next: FileEndpoint) => {
      try {
        return [format.render(text, next)];
      } catch (error) {
        expect(messageOf(error)).toMatch(/^has a list or several lines/);
        return [];
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.array(file, { minLength: 100, maxLength: 200 }), endpoint, async (files, next) => {
        const rendered = files.flatMap((text) => written(text, next));
        const read = await readings(rendered.map(({ text }) => text));
        rendered.forEach(({ text, warnings }, position) => {
          if (warnings.length === 0 || read[position]?.startsWith("ok") === true) {
            expect([text, read[position]]).toEqual([text, asRead(next)]);
          }
          expect(format.render(text, next).text).toBe(text);
          expect(format.read(text).epoch).toBe(next.epoch);
        });
        counted.rendered += rendered.length;
        counted.read += read.filter((line) => line.startsWith("ok")).length;
      }),
      { numRuns: 30 },
    );
    // Most files have nothing to warn of: the test compares, and does not only skip.
    expect(counted.read).toBeGreaterThan(counted.rendered / 3);
  });

  test("keeps every line outside its section, which libescluster skips", async () => {
    const next = { epoch: 3, region: "bhs", host: "10.82.0.10", port: 9200, caPath: "/ca" };
    const foreign = "[Database]   ; the primary\nHost = db1\nPort = 5432\n";
    for (const before of [
      `[Elasticsearch] ; c\nHost = a\n${foreign}`,
      `${foreign}[Elasticsearch]; c\nHost = a\n`,
      `[Elasticsearch\nHost = b\n${foreign}[Elasticsearch]\n`,
    ]) {
      const { text, warnings } = ini.render(before, next);
      expect(warnings).toEqual([]);
      expect(text).toContain(foreign);
      expect(await readings([text])).toEqual([asRead(next)]);
    }
  });
});
