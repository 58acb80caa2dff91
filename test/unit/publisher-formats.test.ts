import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { env } from "../../watchdog/applications/formats/env.ts";
import type { EndpointFormat, FileEndpoint } from "../../watchdog/applications/formats/format.ts";
import { ini } from "../../watchdog/applications/formats/ini.ts";
import { json } from "../../watchdog/applications/formats/json.ts";

const bhs: FileEndpoint = {
  epoch: 3,
  region: "bhs",
  host: "10.82.0.10",
  port: 9200,
  caPath: "/etc/es-failover/ca.crt",
};

const endpoint: fc.Arbitrary<FileEndpoint> = fc.record({
  epoch: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  region: fc.constantFrom("gra", "bhs", "sbg-2"),
  host: fc.constantFrom("10.81.0.10", "es.example.org", "2001:db8::10", "localhost"),
  port: fc.integer({ min: 1, max: 65_535 }),
  caPath: fc.constantFrom("/etc/ca.crt", "/opt/My CA/ça.pem"),
});

const valuesOf = ({ host, port, region, epoch }: FileEndpoint) => ({ host, port, region, epoch });

/** Any bytes except NUL. */
const bytes = fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)) });
const lineOfOthers = bytes.map((text) => text.replaceAll(/[\r\n]/g, " "));
const lineEnd = fc.constantFrom("\n", "\r\n");

function rendersIdempotently(format: EndpointFormat, before: string): void {
  fc.assert(
    fc.property(endpoint, endpoint, (first, second) => {
      const once = format.render(before, first).text;
      expect(format.read(once)).toEqual(valuesOf(first));
      const twice = format.render(once, second).text;
      expect(format.read(twice)).toEqual(valuesOf(second));
      // Rendering the same endpoint again changes no byte, so that no file is written without a change.
      expect(format.render(twice, second).text).toBe(twice);
      expect(format.render(twice, first).text).toBe(once);
    }),
  );
}

describe("an INI file", () => {
  test("has, if new, the section with the canonical keys, the epoch last", () => {
    expect(ini.render("", bhs).text).toBe(
      "[Elasticsearch]\nHost = 10.82.0.10\nPort = 9200\nRegion = bhs\nCaPath = /etc/es-failover/ca.crt\nEpoch = 3\n",
    );
  });

  test("keeps comments, other sections and settings, its spelling and the order", () => {
    const before = [
      "; written by hand",
      "[Database]",
      "Host=db1",
      "",
      "[elasticsearch]",
      "  HOST  =  10.81.0.10",
      "# do not touch",
      "Timeout = 30",
      "port=9201",
      "",
      "; about logging",
      "[Logging]",
      "Epoch = 7",
    ].join("\n");
    expect(ini.render(before, bhs).text).toBe(
      [
        "; written by hand",
        "[Database]",
        "Host=db1",
        "",
        "[elasticsearch]",
        "  HOST  =  10.82.0.10",
        "# do not touch",
        "Timeout = 30",
        "port=9200",
        "Region = bhs",
        "CaPath = /etc/es-failover/ca.crt",
        "Epoch = 3",
        "",
        "; about logging",
        "[Logging]",
        "Epoch = 7",
        "",
      ].join("\n"),
    );
  });

  test("with a key twice, or the section in several parts, has each key once afterwards", () => {
    const before = "[Elasticsearch]\nHost = a\nHost = b\n[Other]\nHost = c\n[Elasticsearch]\nhost = d\nEpoch = 1\n";
    expect(ini.render(before, { ...bhs, caPath: "/ca" }).text).toBe(
      "[Elasticsearch]\nHost = 10.82.0.10\nPort = 9200\nRegion = bhs\nCaPath = /ca\n[Other]\nHost = c\n[Elasticsearch]\nEpoch = 3\n",
    );
  });

  test("keeps its line ends, its byte order mark and characters of any encoding", () => {
    const before = "\u00ef\u00bb\u00bf[Elasticsearch]\r\nHost = x\r\n; Stra\u00dfe in Latin-1\r\n";
    const { text } = ini.render(before, bhs);
    expect(text.startsWith("\u00ef\u00bb\u00bf[Elasticsearch]\r\nHost = 10.82.0.10\r\n")).toBe(true);
    expect(text).toContain("; Stra\u00dfe in Latin-1\r\n");
    expect(text.replaceAll("\r\n", "")).not.toContain("\n");
    expect(ini.read(text)).toEqual(valuesOf(bhs));
  });

  test("with an incomplete line in the section is written, with a warning that names the line", () => {
    const { text, warnings } = ini.render("[Elasticsearch]\nHos\n", bhs);
    expect(text).toContain("Hos\n");
    expect(warnings).toEqual([expect.stringMatching(/^line 2 .*not a setting/)]);
  });

  test("reads back as written, and changes no other byte", () => {
    rendersIdempotently(ini, "# mine\n[Other]\nA = 1\n");
  });

  test("keeps every other line byte for byte, for any content", () => {
    const ours = /^\s*(host|port|region|capath|epoch)\s*=/i;
    const foreign = lineOfOthers.filter((text) => !text.trim().startsWith("["));
    fc.assert(
      fc.property(fc.array(foreign), fc.array(foreign), lineEnd, endpoint, (head, tail, end, next) => {
        const isOurs = (text: string) => ours.test(text);
        const inSection = tail.filter((text) => !isOurs(text));
        const before = [...head, "[Elasticsearch]", "Host = 10.0.0.1", ...inSection, "[Next]", ...tail]
          .map((text) => text + end)
          .join("");
        const { text } = ini.render(before, next);
        const kept = text.split(end);
        const start = kept.indexOf("[Elasticsearch]");
        const stop = kept.indexOf("[Next]");
        expect(kept.slice(0, start)).toEqual(head);
        expect(kept.slice(start + 1, stop).filter((line) => !isOurs(line))).toEqual(inSection);
        expect(kept.slice(stop + 1, -1)).toEqual(tail);
        expect(ini.read(text)).toEqual(valuesOf(next));
      }),
    );
  });
});

describe("an env file", () => {
  test("is, if new, readable for systemd and shells", () => {
    expect(env.render("", bhs).text).toBe(
      'ELASTICSEARCH_HOST=10.82.0.10\nELASTICSEARCH_PORT=9200\nELASTICSEARCH_REGION=bhs\nELASTICSEARCH_CA_PATH="/etc/es-failover/ca.crt"\nELASTICSEARCH_EPOCH=3\n',
    );
  });

  test("keeps other lines, and sets a variable at its first place", () => {
    const before =
      "# mine\nexport ELASTICSEARCH_HOST='old'\nLANG=C\nELASTICSEARCH_HOST=older\nX=a\\\nELASTICSEARCH_PORT=1\n";
    const { text } = env.render(before, { ...bhs, caPath: "/ca" });
    expect(text).toBe(
      '# mine\nexport ELASTICSEARCH_HOST=10.82.0.10\nLANG=C\nX=a\\\nELASTICSEARCH_PORT=1\nELASTICSEARCH_PORT=9200\nELASTICSEARCH_REGION=bhs\nELASTICSEARCH_CA_PATH="/ca"\nELASTICSEARCH_EPOCH=3\n',
    );
  });

  test("reads back as written, and changes no other byte", () => {
    rendersIdempotently(env, "A=1\n# comment\n");
  });

  test("keeps every other line byte for byte, for any content", () => {
    const foreign = lineOfOthers.filter((text) => !text.includes("ELASTICSEARCH_"));
    fc.assert(
      fc.property(fc.array(foreign), lineEnd, endpoint, (lines, end, next) => {
        const before = lines.map((text) => text + end).join("");
        const { text } = env.render(before, next);
        expect(text.startsWith(before)).toBe(true);
      }),
    );
  });
});

describe("a JSON file", () => {
  test("has, if new, one member", () => {
    expect(JSON.parse(json.render("", bhs).text)).toEqual({
      elasticsearch: { host: "10.82.0.10", port: 9200, region: "bhs", caPath: "/etc/es-failover/ca.crt", epoch: 3 },
    });
  });

  test("keeps long numbers, the layout, and other members inside the object", () => {
    const before = `{\n  "id": 12345678901234567890.10,\n  "elasticsearch": {\n    "timeout" : 30,\n    "host": "old"\n  },\n  "z": [ "}", {"a":1} ]\n}\n`;
    expect(json.render(before, { ...bhs, caPath: "/ca" }).text).toBe(
      `{\n  "id": 12345678901234567890.10,\n  "elasticsearch": {\n    "timeout" : 30,\n    "host": "10.82.0.10",\n    "port": 9200,\n    "region": "bhs",\n    "caPath": "/ca",\n    "epoch": 3\n  },\n  "z": [ "}", {"a":1} ]\n}\n`,
    );
  });

  test("is refused if it is not JSON or not an object, because it cannot be edited safely", () => {
    expect(() => json.render("{ half", bhs)).toThrow(/is not JSON/);
    expect(() => json.render("[1]", bhs)).toThrow(/not an object/);
  });

  test("reads back as written, and changes no other byte", () => {
    rendersIdempotently(json, '{"a": 1}');
  });

  test("keeps every other member, for any content", () => {
    const spaces = fc.constantFrom<number | undefined>(undefined, 2, 4);
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.jsonValue(),
        spaces,
        endpoint,
        (others, own, space, next) => {
          const before = JSON.stringify({ ...others, elasticsearch: own }, null, space);
          const bytesBefore = Buffer.from(before, "utf8").toString("latin1");
          const { text } = json.render(bytesBefore, next);
          const { elasticsearch, ...kept } = JSON.parse(Buffer.from(text, "latin1").toString("utf8"));
          const { elasticsearch: _, ...foreign } = JSON.parse(before);
          expect(kept).toEqual(foreign);
          expect(elasticsearch).toMatchObject({ ...valuesOf(next), caPath: next.caPath });
          expect(json.read(text)).toEqual(valuesOf(next));
        },
      ),
    );
  });
});
