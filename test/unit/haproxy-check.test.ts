import { describe, expect, test } from "vitest";
import { checkRouting } from "../../watchdog/adapters/haproxy/check/check.ts";
import { wordsOf } from "../../watchdog/adapters/haproxy/check/configuration.ts";
import { backendsSnippet, frontendSnippet } from "../../watchdog/adapters/haproxy/snippet.ts";

/** What a configuration is told about; that HAProxy does what is told of its frontends is in test/integration/haproxy-adoption. */

const expected = {
  nodes: { gra: ["es-1.gra:9200", "es-2.gra:9200"], bhs: ["10.0.2.1:9200"] },
  ticketMapFile: "/var/lib/es-failover/haproxy/ticket.map",
  adminSocket: "/run/haproxy/admin.sock",
};
const socket = "global\n  stats socket /run/haproxy/admin.sock mode 660 level admin group es-failover\n";
const backends = backendsSnippet(
  {
    gra: { nodes: ["https://es-1.gra:9200", "https://es-2.gra:9200"], caFile: "/etc/ssl/gra.crt" },
    bhs: { nodes: ["https://10.0.2.1:9200"], caFile: "/etc/ssl/bhs.crt" },
  },
  "Basic b2YtdGhlLXRlc3Q=",
);
const rules = frontendSnippet(["gra", "bhs"], expected.ticketMapFile);
const clean = `${socket}frontend app\n  mode http\n${rules}\n`;

const findings = (text: string, more: Partial<typeof expected & { alsoKnownAs: (address: string) => string[] }> = {}) =>
  checkRouting([{ name: "haproxy.cfg", text }], { ...expected, ...more }).map(
    ({ kind, where, what }) => `${kind}: ${where}: ${what}`,
  );

describe("a line of a configuration is split as HAProxy splits it", () => {
  test.each([
    ["  bind :80 # a comment", ["bind", ":80"]],
    [`http-request deny if { path "/a b" }`, ["http-request", "deny", "if", "{", "path", "/a b", "}"]],
    [String.raw`acl a path_reg \#x\ y`, ["acl", "a", "path_reg", "#x y"]],
    [String.raw`log-format 'a \ # "b"'`, ["log-format", String.raw`a \ # "b"`]],
    [`default_backend ""`, ["default_backend", ""]],
    ["", []],
  ])("%s", (line, words) => {
    expect(wordsOf(line)).toEqual(words);
  });
});

describe("a configuration", () => {
  test("with the snippets has nothing to be told about", () => {
    expect(findings(clean + backends)).toEqual([]);
  });

  test("without the watchdog's socket, or with one that permits too little, stays closed", () => {
    expect(findings(clean.replace(socket, "") + backends)).toEqual([
      expect.stringMatching(/^broken: global: .*add `stats socket \/run\/haproxy\/admin\.sock mode 660 level admin/),
    ]);
    expect(findings(clean.replace("level admin", "level operator") + backends)).toEqual([
      expect.stringMatching(/^broken: haproxy\.cfg:2 global: the watchdog may not renew/),
    ]);
  });

  test("whose ticket is read from another file, late or not at all stays closed, and is told the lines that are missing", () => {
    expect(findings(clean.replaceAll("ticket.map", "other.map") + backends)).toEqual([
      expect.stringMatching(/^around: haproxy\.cfg:9 frontend app: .*replaces what the ticket's rules set/),
      expect.stringMatching(/^around: haproxy\.cfg:10 frontend app/),
      expect.stringMatching(/^broken: haproxy\.cfg:3 frontend app: it stays closed without `.*str\(gra\),map_str_int/),
      expect.stringMatching(/^broken: .*str\(bhs\)/),
    ]);
    const time = "http-request set-var(txn.now) date(0,ms)";
    const late = clean.replace(`  ${time}\n`, "").replace("  use_backend es_gra", `  ${time}\n  use_backend es_gra`);
    expect(findings(late + backends)).toEqual([expect.stringMatching(/^broken: .*date\(0,ms\)` comes before/)]);
    expect(findings(clean.replace("mode http", "mode tcp") + backends)).toEqual([
      expect.stringMatching(/^broken: haproxy\.cfg:4 frontend app: .*mode tcp/),
    ]);
  });

  test("inherits routes from its defaults, the named ones or the last ones", () => {
    const defaults = "defaults wide\n  default_backend es_gra\ndefaults narrow\n";
    const app = (from: string) => `${socket}${defaults}frontend app${from}\n${rules}\n${backends}`;
    expect(findings(app(" from wide"))).toEqual([
      expect.stringMatching(/^around: haproxy\.cfg:4 frontend app: `default_backend es_gra` sends requests to gra/),
    ]);
    expect(findings(app(""))).toEqual([]);
  });

  test("with nodes beside the regions' backends is told so, by address and by name", () => {
    const listen = "listen old\n  server a ipv4@10.0.2.1:9200\n";
    expect(findings(clean + listen + backends)).toEqual([
      expect.stringMatching(/^around: .* listen old: it leads to a node of bhs \(10\.0\.2\.1:9200\) without a ticket/),
    ]);
    const named = "backend old\n  server a ES-2.gra:9200\nfrontend other\n  use_backend old if { path / }\n";
    expect(findings(clean + named + backends)).toEqual([
      expect.stringMatching(/^around: .* frontend other: `use_backend old` leads to a node of gra \(es-2\.gra:9200\)/),
    ]);
    const unused = "backend old\n  server-template a 2 es-2.gra:9200\n";
    expect(findings(clean + unused + backends)).toEqual([expect.stringMatching(/^advice: .* no frontend uses it/)]);
    const elsewhere = "listen old\n  server a 10.0.1.1:9200\n";
    expect(findings(clean + elsewhere + backends)).toEqual([]);
    const alsoKnownAs = (address: string) => (address === "es-1.gra:9200" ? ["10.0.1.1:9200"] : []);
    expect(findings(clean + elsewhere + backends, { alsoKnownAs })).toEqual([
      expect.stringMatching(/a node of gra \(10\.0\.1\.1:9200\)/),
    ]);
    expect(findings(`${clean}listen old\n  server a "\${NODE}:9200"\n${backends}`)).toEqual([
      expect.stringMatching(/^advice: .*is known at run time alone/),
    ]);
  });

  test("whose regions' backends differ from the watchdog's is told how", () => {
    const server = "  server es-2.gra es-2.gra:9200 verifyhost es-2.gra\n";
    expect(findings(clean + backends.replace(server, ""))).toEqual([
      expect.stringMatching(/^advice: .*backend es_gra: it lacks es-2\.gra:9200/),
    ]);
    expect(findings(clean + backends.replace(server, `${server}  server es-3 es-3.gra:9200\n`))).toEqual([
      expect.stringMatching(/^advice: .*es-3\.gra:9200 is no node of gra .* no watchdog probes it/),
    ]);
    expect(findings(clean + backends.replace(server, `${server}  server b 10.0.2.1:9200\n`))).toEqual([
      expect.stringMatching(/^around: .*backend es_gra: 10\.0\.2\.1:9200 is a node of bhs/),
    ]);
    expect(findings(clean + backends.replaceAll("default-server check inter", "default-server inter"))).toEqual([
      expect.stringMatching(/es_gra: its servers are not checked/),
      expect.stringMatching(/es_bhs: its servers are not checked/),
    ]);
    expect(findings(clean)).toEqual([
      expect.stringMatching(/^broken: backend es_gra: it is missing/),
      expect.stringMatching(/^broken: backend es_bhs: it is missing/),
    ]);
  });
});
