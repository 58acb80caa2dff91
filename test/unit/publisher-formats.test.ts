import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { env, envFormat } from "../../watchdog/applications/formats/env.ts";
import type { EndpointFormat, FileEndpoint } from "../../watchdog/applications/formats/format.ts";
import { ini, iniFormat } from "../../watchdog/applications/formats/ini.ts";
import { json, jsonFormat } from "../../watchdog/applications/formats/json.ts";
import { defaultLayout, type FileFormat, fileLayout, type LayoutSettings } from "../../watchdog/config/file-layout.ts";
import { messageOf } from "../../watchdog/util/errors.ts";

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

/** Adds the section to a file with other content. */
const creating = (format: FileFormat) => ({ ...defaultLayout(format), create: true });

const named = (format: FileFormat, settings: Partial<LayoutSettings>) => {
  const keys = { host: null, port: null, region: null, caPath: null, epoch: null };
  return fileLayout(format, { section: null, keys, omit: [], url: null, create: false, ...settings });
};

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

  test("may have comments behind the headers of its sections", () => {
    const before = "[Elasticsearch] ; where to write\nHost = a\n[Database]   ; the primary\nHost = db1\nPort = 5432\n";
    const { text, warnings } = ini.render(before, { ...bhs, caPath: "/ca" });
    expect(text).toBe(
      "[Elasticsearch] ; where to write\nHost = 10.82.0.10\nPort = 9200\nRegion = bhs\nCaPath = /ca\nEpoch = 3\n" +
        "[Database]   ; the primary\nHost = db1\nPort = 5432\n",
    );
    expect(warnings).toEqual([]);
  });

  test("has the phase `serving` where it had another one", () => {
    const { text } = ini.render("[Elasticsearch]\nPhase = closing\nEpoch = 2\n", { ...bhs, caPath: "/ca" });
    expect(text).toBe(
      "[Elasticsearch]\nPhase = serving\nEpoch = 3\nHost = 10.82.0.10\nPort = 9200\nRegion = bhs\nCaPath = /ca\n",
    );
    expect(ini.render("", bhs).text).not.toContain("Phase");
  });

  test("keeps a comment behind a value above its line, where no parser takes it for a part of the value", () => {
    const before = "[Elasticsearch]\n  Port = 9201 ; the entry\nHost = a # mine\nEpoch = 2 ; counts\n";
    expect(ini.read(before)).toMatchObject({ host: "a", port: 9201, epoch: 2 });
    const { text, warnings } = ini.render(before, bhs);
    expect(text).toContain("  ; the entry\n  Port = 9200\n# mine\nHost = 10.82.0.10\n; counts\nEpoch = 3\n");
    expect(warnings).toEqual([]);
    expect(ini.render(text, bhs).text).toBe(text);
  });

  test("keeps quotes, adds texts in quotes where others are, and warns of the library that refuses them", () => {
    const before = '[elasticsearch]\nhost = "a" # mine\nport = 9201\nepoch = "2"\n';
    expect(ini.read(before)).toMatchObject({ host: "a", epoch: 2 });
    const { text, warnings } = ini.render(before, { ...bhs, caPath: "/ca" });
    expect(text).toBe(
      '[elasticsearch]\n# mine\nhost = "10.82.0.10"\nport = 9200\nepoch = "3"\nRegion = "bhs"\nCaPath = "/ca"\n',
    );
    expect(warnings).toEqual([expect.stringMatching(/^line 2 .*quotes/), expect.stringMatching(/^line 4 .*quotes/)]);
    expect(ini.render(text, { ...bhs, caPath: "/ca" }).text).toBe(text);
  });

  test("keeps values of several lines together", () => {
    const before = "[Elasticsearch]\nHost = a\nIndices =\n    orders\n    invoices\n\n[Next]\n";
    expect(ini.render(before, { ...bhs, caPath: "/ca" }).text).toBe(
      "[Elasticsearch]\nHost = 10.82.0.10\nIndices =\n    orders\n    invoices\nPort = 9200\nRegion = bhs\nCaPath = /ca\nEpoch = 3\n\n[Next]\n",
    );
  });

  test("above 64 KiB is written, with a warning that libescluster refuses it", () => {
    const before = `[Elasticsearch]\nHost = a\n[Other]\n${"; filled\n".repeat(10_000)}`;
    const { text, warnings } = ini.render(before, bhs);
    expect(text.endsWith(before.slice(before.indexOf("[Other]")))).toBe(true);
    expect(warnings).toEqual([expect.stringMatching(/longer than 64 KiB/)]);
  });

  test.each([
    ["rsyslog", 'module(load="omelasticsearch")\naction(type="omelasticsearch" server="10.81.0.10")\n'],
    ["fluent-bit", "[OUTPUT]\n    Name es\n    Host 10.81.0.10\n"],
    ["syslog-ng", '@version: 3.38\ndestination d_es { elasticsearch-http(url("https://10.81.0.10:9200/_bulk")); };\n'],
    ["YAML", "output:\n  hosts: [10.81.0.10]\n"],
    ["XML", "<source><host>10.81.0.10</host></source>\n"],
    ["TOML", '[outputs.elasticsearch]\nurls = ["https://10.81.0.10:9200"]\n'],
  ])("of another format, %s, is refused, because an added section would break it", (_, before) => {
    expect(() => ini.render(before, bhs)).toThrow(/^has no section \[Elasticsearch\]; add it where/);
    expect(iniFormat(creating("ini")).render(before, bhs).text).toBe(`${before}\n${ini.render("", bhs).text}`);
  });

  test.each(['Host = ["a", "b"]', "Host = [", "Host = a\n    b", "Host =\n\tb"])(
    "with a list for a value, %j, is refused",
    (line) => {
      expect(() => ini.render(`[Elasticsearch]\n${line}\n`, bhs)).toThrow(
        /^has a list or several lines as Host in line 2/,
      );
    },
  );

  test("may have an IPv6 address in brackets", () => {
    expect(ini.render("[Elasticsearch]\nHost = [2001:db8::1]\n", bhs).text).toContain("Host = 10.82.0.10\n");
  });

  test("has no setting added before an indented line, which would become a part of it", () => {
    const { text } = ini.render("[Elasticsearch]\n    half\n", { ...bhs, caPath: "/ca" });
    expect(text.startsWith("[Elasticsearch]\n    half\nHost = 10.82.0.10\n")).toBe(true);
  });

  test("with comments alone gets the section", () => {
    expect(ini.render("; mine\n\n# too\n", bhs).text).toBe(`; mine\n\n# too\n\n${ini.render("", bhs).text}`);
  });

  test("has the section, the keys and the URL that its program reads, and no others", () => {
    const keys = { host: "es_host", port: null, region: null, caPath: null, epoch: "generation" };
    const url = { key: "es.url", scheme: "http", path: "/bulk" } as const;
    const format = iniFormat(named("ini", { section: "output", keys, omit: ["port", "region", "caPath"], url }));
    const { text } = format.render("[output]\nes.url = http://old:1/\nport = 7\n", { ...bhs, host: "2001:db8::10" });
    expect(text).toBe(
      "[output]\nes.url = http://[2001:db8::10]:9200/bulk\nport = 7\nes_host = 2001:db8::10\ngeneration = 3\n",
    );
    expect(format.read(text)).toEqual({ host: "2001:db8::10", port: 9200, region: null, epoch: 3 });
    const top = iniFormat(named("ini", { section: "", omit: ["region", "caPath"] }));
    expect(top.render("host = a\n[next]\nhost = b\n", bhs).text).toBe(
      "host = 10.82.0.10\nPort = 9200\nEpoch = 3\n[next]\nhost = b\n",
    );
  });

  test("reads back as written, and changes no other byte", () => {
    rendersIdempotently(iniFormat(creating("ini")), "# mine\n[Other]\nA = 1\n");
  });

  test("keeps every other line byte for byte, for any content", () => {
    const ours = /^\s*(host|port|region|capath|epoch)\s*=/i;
    // An indented line would be a part of the value before.
    const foreign = lineOfOthers.filter((text) => !text.trim().startsWith("[") && !/^[ \t]/.test(text));
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
      `# mine\nexport ELASTICSEARCH_HOST='10.82.0.10'\nLANG=C\nX=a\\\nELASTICSEARCH_PORT=1\nELASTICSEARCH_PORT=9200\nELASTICSEARCH_REGION=bhs\nELASTICSEARCH_CA_PATH="/ca"\nELASTICSEARCH_EPOCH=3\n`,
    );
  });

  test("keeps quotes and comments, and lines inside a value of several lines", () => {
    const before = `A="\nELASTICSEARCH_HOST=inside\n"\nELASTICSEARCH_HOST="old" # mine\nELASTICSEARCH_PHASE=closing\n`;
    expect(env.read(before)).toMatchObject({ host: "old" });
    expect(env.render(before, { ...bhs, caPath: "/ca" }).text).toBe(
      `A="\nELASTICSEARCH_HOST=inside\n"\n# mine\nELASTICSEARCH_HOST="10.82.0.10"\nELASTICSEARCH_PHASE=serving\n` +
        'ELASTICSEARCH_PORT=9200\nELASTICSEARCH_REGION=bhs\nELASTICSEARCH_CA_PATH="/ca"\nELASTICSEARCH_EPOCH=3\n',
    );
  });

  test("with lines that are no assignments, or that ends inside a value, is refused", () => {
    expect(() => env.render("output:\n  hosts: []\n", bhs)).toThrow(/no variable of the endpoint, and line 1 is no/);
    expect(env.render("[ -f x ] && . x\nELASTICSEARCH_HOST=a\n", bhs).text).toContain(
      "ELASTICSEARCH_HOST=10.82.0.10\n",
    );
    for (const open of ["A=1\\\n", 'A="half\n']) expect(() => env.render(open, bhs)).toThrow(/ends inside a value/);
  });

  test("has the names and the URL that its program reads", () => {
    const url = { key: "URL", scheme: "https", path: "/?a=1&b=2" } as const;
    const format = envFormat(named("env", { section: "ES_", omit: ["host", "port", "region", "caPath"], url }));
    const { text } = format.render("A=1\n", bhs);
    expect(text).toBe('A=1\nES_URL="https://10.82.0.10:9200/?a=1&b=2"\nES_EPOCH=3\n');
    expect(format.read(text)).toMatchObject({ host: "10.82.0.10", port: 9200, epoch: 3 });
  });

  test("reads back as written, and changes no other byte", () => {
    rendersIdempotently(env, "A=1\n# comment\n");
  });

  test("keeps every other line byte for byte, for any content", () => {
    const foreign = lineOfOthers.filter((text) => !text.includes("ELASTICSEARCH_"));
    fc.assert(
      fc.property(fc.array(foreign), lineEnd, endpoint, (lines, end, next) => {
        const before = lines.map((text) => text + end).join("");
        const format = envFormat(creating("env"));
        try {
          expect(format.render(before, next).text.startsWith(before)).toBe(true);
        } catch (error) {
          // A quote or a backslash at the end would swallow what is added.
          expect(messageOf(error)).toMatch(/^ends inside a value/);
        }
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

  test("keeps the type of its values: texts, numbers and lists", () => {
    const before = '{"elasticsearch": {"port": "9201", "epoch": "2", "host": ["a", "b"], "phase": "closing"}}';
    expect(json.read(before)).toMatchObject({ host: "a", port: 9_201, epoch: 2 });
    expect(json.render(before, { ...bhs, caPath: "/ca" }).text).toBe(
      '{"elasticsearch": {"port": "9200", "epoch": "3", "host": ["10.82.0.10"], "phase": "serving", "region": "bhs", "caPath": "/ca"}}',
    );
  });

  test("without the object, or with something else in its place, is refused", () => {
    expect(() => json.render('{"a": 1}', bhs)).toThrow(/^has no object elasticsearch; add it where/);
    expect(() => json.render('{"elasticsearch": "http://a:9200"}', bhs)).toThrow(
      /"elasticsearch", which is not an object/,
    );
    expect(() => json.render('{"elasticsearch": {"host": {}}}', bhs)).toThrow(/has an object as "host"/);
    expect(json.read(json.render("{}", bhs).text)).toEqual(valuesOf(bhs));
    expect(json.read(json.render('{"elasticsearch": null}', bhs).text)).toEqual(valuesOf(bhs));
  });

  test("has the object, the keys and the URL that its program reads", () => {
    const url = { key: "hosts", scheme: "https", path: "" } as const;
    const omit = ["host", "port", "region", "caPath"] as const;
    const format = jsonFormat(named("json", { section: "output.elasticsearch", omit, url }));
    const before = '{ "output": { "elasticsearch": { "hosts": [ "https://a:9200", "https://b:9200" ] } } }';
    expect(format.render(before, bhs).text).toBe(
      '{ "output": { "elasticsearch": { "hosts": ["https://10.82.0.10:9200"], "epoch": 3 } } }',
    );
    const top = jsonFormat(named("json", { section: "", omit, url: { ...url, key: "elasticsearch.hosts" } }));
    expect(top.render('{"elasticsearch.hosts": "x"}', bhs).text).toBe(
      '{"elasticsearch.hosts": "https://10.82.0.10:9200","epoch": 3}',
    );
    expect(() => top.render('{"a": 1}', bhs)).toThrow(/has no key of the endpoint/);
  });

  test("is refused if it is not JSON or not an object, because it cannot be edited safely", () => {
    expect(() => json.render("{ half", bhs)).toThrow(/is not JSON/);
    expect(() => json.render("[1]", bhs)).toThrow(/not an object/);
  });

  test("reads back as written, and changes no other byte", () => {
    rendersIdempotently(jsonFormat(creating("json")), '{"a": 1}');
  });

  test("keeps every other member, for any content", () => {
    const foreignKey = fc
      .string()
      .filter((key) => !["host", "port", "region", "caPath", "epoch", "phase"].includes(key));
    const spaces = fc.constantFrom<number | undefined>(undefined, 2, 4);
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.oneof(fc.constant(null), fc.dictionary(foreignKey, fc.jsonValue())),
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
