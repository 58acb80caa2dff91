import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endpointServiceSchema, type PublisherConfigInput } from "../../watchdog/config/applications.ts";
import { crossFieldViolations } from "../../watchdog/config/contradictions.ts";
import { loadPublisherConfig } from "../../watchdog/config/load.ts";
import { ConfigError, sentenceOf } from "../../watchdog/config/violations.ts";
import { config } from "./core-fixtures.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-publisher-config-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const good: PublisherConfigInput = {
  source: { kind: "service", urls: ["http://127.0.0.1:9201"] },
  files: [
    { path: "/etc/orders/orders.ini", notify: { kind: "pid-file", pidFile: "/run/o.pid", processName: "orders" } },
  ],
};

async function violationsOf(content: unknown): Promise<readonly string[]> {
  const file = path.join(directory, "publisher.json");
  await writeFile(file, JSON.stringify(content));
  try {
    await loadPublisherConfig(file);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.violations.map(sentenceOf);
  }
}

describe("a publisher's section", () => {
  test("may be alone in its file, or beside a watchdog's sections, which are then not checked", async () => {
    expect(await violationsOf({ publisher: good })).toEqual([]);
    expect(await violationsOf({ publisher: good, name: "gra-haproxy-1", site: "gra" })).toEqual([]);
    expect(await violationsOf({ publisher: good, publishr: {} })).toEqual([
      expect.stringMatching(/^publishr is not a known key of .*publisher\.json; the closest one is publisher$/),
    ]);
    expect(await violationsOf({ name: "gra-haproxy-1" })).toEqual([expect.stringMatching(/^publisher is missing/)]);
  });

  test.each<[string, object, RegExp]>([
    ["nothing to publish", { files: [] }, /add files, templates, etcd or consul: nothing would be published/],
    [
      "plain http to another host",
      { source: { kind: "service", urls: ["http://192.168.1.101:9201"] } },
      /plain http is for this host alone/,
    ],
    [
      "https without an authority",
      { source: { kind: "service", urls: ["https://192.168.1.101:9201"] } },
      /a caFile is needed/,
    ],
    [
      "a PID file without a name to check",
      { files: [{ path: "/a", notify: { kind: "pid-file", pidFile: "/p" } }] },
      /add executable or processName/,
    ],
    [
      "the same file twice",
      { files: [{ path: "/a" }, { path: "/a", format: "env" }] },
      /files\[1\]\.path is "\/a", which files\[0\] names already/,
    ],
    [
      "a template for a file that has an endpoint inside",
      { files: [{ path: "/a" }], templates: [{ source: "/t", destination: "/a" }] },
      /templates\[0\]\.destination is "\/a", which files\[0\] names already/,
    ],
    [
      "a check that does not see the new file",
      { files: [{ path: "/a", validate: { command: ["/bin/true"] } }] },
      /write \{\} where the path of the new file belongs/,
    ],
    [
      "one key for two values",
      { files: [{ path: "/a", keys: { host: "port" } }] },
      /files\[0\] .*use the key port once/,
    ],
    [
      "a key that no shell takes for a variable",
      { files: [{ path: "/a", format: "env", section: "es-", keys: {} }] },
      /es-HOST is no variable/,
    ],
    ["no address in a file", { files: [{ path: "/a", omit: ["host", "port"] }] }, /the file would name no address/],
    [
      "a command that is no path",
      { files: [{ path: "/a", notify: { kind: "command", command: ["reload"] } }] },
      /absolute path/,
    ],
    ["a path that ends a line", { files: [{ path: "/a", caPath: "/ca\nHost = evil" }] }, /without control characters/],
    [
      "quiescence that never ends",
      { quiescence: { minMs: 5_000, maxMs: 1_000 } },
      /\(5000\) may not exceed maxMs \(1000\)/,
    ],
    [
      "a token file that does not exist",
      { consul: { tokenFile: "/nonexistent" } },
      /tokenFile names \/nonexistent, which cannot be read/,
    ],
  ])("with %s is refused with the reason", async (_, changes, reason) => {
    expect((await violationsOf({ publisher: { ...good, ...changes } })).join("\n")).toMatch(reason);
  });
});

describe("an endpoint service", () => {
  const addresses = { gra: { host: "10.81.0.10", port: 9200 }, bhs: { host: "10.82.0.10", port: 9200 } };
  const violations = (endpoint: object, changes: object = {}) => {
    const section = endpointServiceSchema.parse({ listen: "127.0.0.1:9201", addresses, ...endpoint });
    return crossFieldViolations({ ...config, endpoint: section, ...changes }).map(sentenceOf);
  };

  test("on loopback, with an address for each region, is accepted", () => {
    expect(violations({})).toEqual([]);
  });

  test.each<[string, object, object, RegExp]>([
    [
      "that other hosts reach without a certificate",
      { listen: "0.0.0.0:9201" },
      {},
      /certificateFile is missing: other hosts can reach 0\.0\.0\.0:9201/,
    ],
    ["with a certificate and no key", { certificateFile: "/c" }, {}, /both be given or left out/],
    ["that lacks a region's address", { addresses: { gra: addresses.gra } }, {}, /addresses\.bhs is missing/],
    [
      "that names an unknown region",
      { addresses: { ...addresses, sbg: addresses.gra } },
      {},
      /addresses\.sbg names no region/,
    ],
    ["where there is no router", {}, { router: null }, /^endpoint must be left out where there is no router/m],
  ])("%s is refused with the reason", (_, endpoint, changes, reason) => {
    expect(violations(endpoint, changes).join("\n")).toMatch(reason);
  });
});
