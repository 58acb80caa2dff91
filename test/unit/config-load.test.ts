import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestAuthority } from "../../lab/elasticsearch/certificates.ts";
import { loadConfig } from "../../watchdog/config/load.ts";
import { regionAccess } from "../../watchdog/config/region-access.ts";
import type { WatchdogConfigInput } from "../../watchdog/config/schema.ts";
import { ConfigError, sentenceOf } from "../../watchdog/config/violations.ts";

let directory: string;
let configFile: string;
let passwordFile: string;
let caFile: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-config-"));
  configFile = path.join(directory, "watchdog.json");
  passwordFile = path.join(directory, "password");
  caFile = path.join(directory, "ca.crt");
  await writeFile(passwordFile, "correct horse\n", { mode: 0o640 });
  await writeFile(caFile, (await createTestAuthority("config test")).certificate);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

const good = (): WatchdogConfigInput => ({
  name: "bhs-hap-1",
  site: "bhs",
  regions: {
    gra: { nodes: ["https://192.168.1.10:9200", "https://192.168.1.11:9200"] },
    bhs: { nodes: ["https://192.168.2.10:9200"] },
  },
  firstPrimary: "gra",
  elasticsearch: { username: "es-failover", passwordFile, caFile },
  replication: { patterns: ["orders*"] },
  store: { kind: "file", directory: "/var/lib/es-failover/store" },
  router: {},
});

async function load(config: unknown) {
  await writeFile(configFile, typeof config === "string" ? config : JSON.stringify(config));
  return loadConfig(configFile);
}

async function violationsOf(config: unknown): Promise<readonly string[]> {
  const error = await load(config).then(
    () => {
      throw new Error("expected a refusal");
    },
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConfigError)) throw error;
  expect(error.message).toContain(configFile);
  return error.violations.map(sentenceOf);
}

describe("a configuration", () => {
  test("that is valid is loaded with its defaults and its password", async () => {
    const { config, secrets } = await load(good());
    expect(config.checks).toMatchObject({
      profile: "standard",
      intervalMs: 10_000,
      failThreshold: 3,
      recoveryThreshold: 5,
    });
    expect(config.router?.adminSocket).toBe("/run/haproxy/admin.sock");
    expect(secrets).toEqual({ gra: ["correct horse"], bhs: ["correct horse"] });
  });

  test("that is missing or no JSON is refused with that reason", async () => {
    await expect(loadConfig("/nonexistent/watchdog.json")).rejects.toThrow(
      /\/nonexistent\/watchdog\.json.*\n.*no such file/,
    );
    await expect(load("{ not json")).rejects.toThrow(/is not JSON/);
  });

  test("with several violations is refused with all of them, each with its key, its value and what to write", async () => {
    const { site: _, ...withoutSite } = good();
    const violations = await violationsOf({
      ...withoutSite,
      regions: { gra: { nodes: ["ftp://192.168.1.10:9200"] }, bhs: { nodes: [] } },
      checks: { intervalMs: -5 },
      passwort: "do not print me",
    });
    expect(violations).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^site is missing/),
        expect.stringMatching(/^regions\.gra\.nodes\[0\] is "ftp:\/\/192\.168\.1\.10:9200"/),
        expect.stringMatching(/^regions\.bhs\.nodes is \[\]/),
        expect.stringMatching(/^checks\.intervalMs is -5/),
        expect.stringMatching(/^passwort is not a known key of .*watchdog\.json; the closest one is /),
      ]),
    );
    expect(violations.join()).not.toContain("do not print me");
  });

  test("whose values contradict each other is refused with all contradictions and all unusable files at once", async () => {
    const violations = await violationsOf({
      ...good(),
      firstPrimary: "sbg",
      site: "rbx",
      regions: { gra: { nodes: ["https://192.168.1.10:9200"] }, bhs: { nodes: ["https://192.168.1.10:9200"] } },
      replication: { patterns: ["*", "Orders"], exclusions: ["-orders"] },
      checks: { intervalMs: 1_000, timeoutMs: 2_000 },
      router: { ticketValidityMs: 9_000 },
      elasticsearch: { username: "es-failover", passwordFile: "/nonexistent/password", caFile: passwordFile },
    });
    expect(violations).toEqual([
      'firstPrimary is "sbg": write one of the regions, gra or bhs',
      expect.stringMatching(/^replication\.patterns\[0\] is "\*"/),
      expect.stringMatching(/^replication\.patterns\[1\] is "Orders": .*lower case/),
      expect.stringMatching(/^replication\.exclusions\[0\] is "-orders"/),
      expect.stringMatching(/checks\.timeoutMs \(2000\) must be below checks\.intervalMs \(1000\)/),
      expect.stringMatching(/9000 \+ 2000 = 11000.*leases.ttlMs \(10000\)/),
      'site is "rbx": write one of the regions, gra or bhs, or witness',
      expect.stringMatching(/^regions\.bhs\.nodes\[0\] .*regions\.gra\.nodes\[0\] names already/),
      expect.stringMatching(
        /^elasticsearch\.passwordFile names \/nonexistent\/password, which cannot be read: no such file/,
      ),
      expect.stringMatching(/^elasticsearch\.caFile names .*holds no certificate/),
    ]);
  });

  test("with a password that every user could read is refused", async () => {
    const open = path.join(directory, "open");
    await writeFile(open, "secret");
    for (const mode of [0o644, 0o604, 0o602]) {
      await chmod(open, mode);
      const violations = await violationsOf({
        ...good(),
        elasticsearch: { username: "es-failover", passwordFile: open, caFile },
      });
      expect(violations).toEqual([expect.stringMatching(/passwordFile names .*open to every user.*chmod 0640/)]);
    }
  });

  test("has the other password of a rotation in a second line", async () => {
    await writeFile(passwordFile, "new\nold\n", { mode: 0o640 });
    const { secrets } = await load(good());
    expect(secrets).toEqual({ gra: ["new", "old"], bhs: ["new", "old"] });
  });

  test("with an empty password, or with more than two lines, is refused", async () => {
    const file = path.join(directory, "odd");
    for (const [content, reason] of [
      ["\n", /is empty/],
      ["one\ntwo\nthree\n", /holds 3 lines: it must hold the secret, and at most one other/],
    ] as const) {
      await writeFile(file, content, { mode: 0o600 });
      const elasticsearch = { username: "es-failover", passwordFile: file, caFile };
      expect(await violationsOf({ ...good(), elasticsearch })).toEqual([expect.stringMatching(reason)]);
    }
  });

  describe("whose regions are reached differently", () => {
    const encoded = Buffer.from("id-of-key:secret").toString("base64");
    const at = (name: string) => path.join(directory, name);
    const withRegions = (gra: object, bhs: object, elasticsearch: object = {}) => {
      const { regions } = good();
      return {
        ...good(),
        regions: { gra: { ...regions["gra"], ...gra }, bhs: { ...regions["bhs"], ...bhs } },
        elasticsearch,
      };
    };
    const user = () => ({ username: "watchdog", passwordFile, caFile });

    beforeAll(async () => {
      await writeFile(passwordFile, "correct horse\n", { mode: 0o640 });
      await writeFile(at("key"), `${encoded}\n`, { mode: 0o600 });
      await writeFile(at("bhs-password"), "battery\n", { mode: 0o600 });
    });

    test("has the credentials of each: a user of its own, or an API key", async () => {
      const { secrets, config } = await load(withRegions(user(), { apiKeyFile: at("key"), caFile }));
      expect(secrets).toEqual({ gra: ["correct horse"], bhs: [encoded] });
      expect(regionAccess(config, "bhs").credentials).toMatchObject({ kind: "api-key" });
      const mixed = await load(withRegions({}, { passwordFile: at("bhs-password") }, user()));
      expect(mixed.secrets).toEqual({ gra: ["correct horse"], bhs: ["battery"] });
      expect(regionAccess(mixed.config, "bhs").credentials).toMatchObject({ kind: "password", username: "watchdog" });
    });

    test("is refused while one has no credentials, two kinds, or no CA", async () => {
      expect(await violationsOf(withRegions(user(), {}))).toEqual([
        expect.stringMatching(
          /^regions\.bhs\.username is missing: .*elasticsearch\.username .*regions\.bhs\.apiKeyFile/,
        ),
        expect.stringMatching(/^regions\.bhs\.passwordFile is missing/),
        expect.stringMatching(/^regions\.bhs\.caFile is missing/),
      ]);
      expect(await violationsOf(withRegions({ ...user(), apiKeyFile: at("key") }, {}, user()))).toEqual([
        "regions.gra.username must be left out beside regions.gra.apiKeyFile: an API key has no user",
        "regions.gra.passwordFile must be left out beside regions.gra.apiKeyFile: an API key has no user",
      ]);
    });

    test("is refused when a file holds no encoded API key, without showing what it holds", async () => {
      for (const content of ["id-of-key:secret", "bm8gY29sb24="]) {
        await writeFile(at("odd-key"), content, { mode: 0o600 });
        const violations = await violationsOf(withRegions({}, { apiKeyFile: at("odd-key") }, user()));
        expect(violations).toEqual([expect.stringMatching(/^regions\.bhs\.apiKeyFile names .*write what .*"encoded"/)]);
        expect(violations.join()).not.toContain(content);
      }
    });

    test("is refused with plain http, unless that is permitted by name", async () => {
      const nodes = ["http://192.168.2.10:9200"];
      expect(await violationsOf(withRegions({}, { nodes }, user()))).toEqual([
        expect.stringMatching(
          /^regions\.bhs\.nodes\[0\] is "http:.*readable by all.*set regions\.bhs\.plainHttp to true/,
        ),
      ]);
      const { config } = await load(
        withRegions({ caFile }, { nodes, plainHttp: true }, { username: "w", passwordFile }),
      );
      expect(regionAccess(config, "bhs").ca).toBeNull();
      expect(regionAccess(config, "gra").ca).toMatchObject({ key: "regions.gra.caFile" });
    });
  });

  test("of any JSON never crashes the check", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        await expect(load(value)).rejects.toThrow(ConfigError);
      }),
      { numRuns: 50 },
    );
  });
});
