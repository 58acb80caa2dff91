import { describe, expect, test } from "vitest";
import { ConfigurationError, initKeys, parseConfig } from "../../infra/config.ts";
import { testConfig, validRawConfig } from "./infra-fixtures.ts";

function problemsOf(raw: Readonly<Record<string, string>>): readonly string[] {
  try {
    parseConfig(raw);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

function problemsWith(changes: Readonly<Record<string, string>>): readonly string[] {
  const own = Object.fromEntries(Object.entries(changes).map(([key, value]) => [`es-failover:${key}`, value]));
  return problemsOf({ ...validRawConfig, ...own });
}

function problemsWithout(key: string): readonly string[] {
  return problemsOf(
    Object.fromEntries(Object.entries(validRawConfig).filter(([name]) => name !== `es-failover:${key}`)),
  );
}

describe("the stack configuration", () => {
  test("a region has three Elasticsearch nodes and no HAProxy host unless told otherwise", () => {
    const { regions } = testConfig();
    expect(
      Object.values(regions).map(({ elasticsearchNodes, haproxyNodes }) => [elasticsearchNodes, haproxyNodes]),
    ).toEqual([
      [3, 1],
      [3, 0],
    ]);
  });

  test("keys of other programs are left alone", () => {
    expect(problemsOf({ ...validRawConfig, "ovh:endpoint": "ovh-eu" })).toEqual([]);
  });

  test.each(["region", "serviceName", "regions", "adminCidrs", "replication", "firstPrimary"])(
    "a missing %s is named as the user writes it",
    (key) => {
      expect(problemsWithout(key)).toEqual([expect.stringMatching(new RegExp(`^es-failover:${key} is missing: set `))]);
    },
  );

  test("all that `npm run init` makes is asked for in one sentence", () => {
    const raw = Object.fromEntries(
      Object.entries(validRawConfig).filter(([name]) => !initKeys.some((key) => name === `es-failover:${key}`)),
    );
    expect(problemsOf(raw)).toEqual([
      expect.stringMatching(/caCertificate.*appPassword are missing: run `npm run init`/),
    ]);
  });

  test.each([
    ["serviceName", "my-project", /serviceName is "my-project": .*32 hexadecimal digits/],
    ["adminCidrs", "0.0.0.0/0", /adminCidrs\[0\] is "0\.0\.0\.0\/0": .*open SSH to the world/],
    ["adminCidrs", "203.0.113.7", /adminCidrs\[0\] is "203\.0\.113\.7": write an IPv4 network/],
    ["adminCidrs", "[]", /adminCidrs is "\[\]": name at least one network/],
    ["clientCidrs", "198.51.100.1/24", /clientCidrs\[0\] is "198\.51\.100\.1\/24": .*host bits are zero/],
    ["elasticsearch", '{"version":"9"}', /elasticsearch\.version is "9": write an exact version, such as 9\.5\.3/],
    ["elasticsearch", '{"heap":"lots"}', /elasticsearch\.heap is "lots": write a size such as "4g"/],
    ["elasticsearch", "9.5.3", /elasticsearch is "9\.5\.3": write an object/],
    ["elasticsearch", '{"versoin":"9.5.3"}', /elasticsearch\.versoin is not a key this program knows/],
    ["adminCidr", "203.0.113.7/32", /adminCidr is not a key this program knows\. Known keys: .*adminCidrs/],
    ["region", "sbg", /region is "sbg": write one of gra, bhs/],
    ["firstPrimary", "sbg", /firstPrimary is "sbg": write one of gra, bhs/],
    ["protect", "maybe", /protect is "maybe": write true or false/],
    ["checks", '{"profile":"slow"}', /checks\.profile is "slow"/],
    ["entryNames", "es", /entryNames\[0\] is "es": write a DNS name/],
  ])("a wrong %s (%s) is named with its value and what would be right", (key, value, message) => {
    expect(problemsWith({ [key]: value })).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    ["one region", { gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", haproxyNodes: 1 } }, /exactly two regions/],
    [
      "overlapping regions",
      {
        gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", haproxyNodes: 1 },
        bhs: { ovhRegion: "BHS5", cidr: "192.168.1.0/24" },
      },
      /overlaps bhs's 192\.168\.1\.0\/24/,
    ],
    [
      "a region outside the network",
      {
        gra: { ovhRegion: "GRA11", cidr: "10.0.1.0/24", haproxyNodes: 1 },
        bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
      },
      /regions\.gra\.cidr is "10\.0\.1\.0\/24": write a network within es-failover:network\.cidr/,
    ],
    [
      "no HAProxy at all",
      {
        gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", haproxyNodes: 0 },
        bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24", haproxyNodes: 0 },
      },
      /haproxyNodes is 0 in gra and 0 in bhs: exactly one/,
    ],
    [
      "no Elasticsearch node",
      {
        gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", elasticsearchNodes: 0 },
        bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
      },
      /regions\.gra\.elasticsearchNodes is 0: write a number from 1 to/,
    ],
  ])("%s is refused", (_what, regions, message) => {
    expect(problemsWith({ regions: JSON.stringify(regions) })).toEqual([expect.stringMatching(message)]);
  });

  test("a licence of one's own must be there", () => {
    expect(problemsWith({ elasticsearch: '{"licence":"file"}' })).toEqual([
      expect.stringMatching(/licenceFile is missing.*pulumi config set --secret/),
    ]);
  });

  test("all problems are shown at once", () => {
    expect(problemsWith({ serviceName: "x", adminCidrs: "y", bogus: "z" })).toHaveLength(3);
  });

  test("a secret is never part of a message", () => {
    const problems = problemsOf({ ...validRawConfig, "es-failover:appPassword": " ", "es-failover:bogus": "x" });
    expect(problems).toHaveLength(2);
    for (const secret of ["ca-private-key", "ssh-private-key", "watchdog-password", "check-password"]) {
      expect(problems.join("\n")).not.toContain(secret);
    }
  });
});
