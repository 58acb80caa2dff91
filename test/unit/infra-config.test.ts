import { describe, expect, test } from "vitest";
import { parseConfig } from "../../infra/config/load.ts";
import { initKeys, stackSchema } from "../../infra/config/schema.ts";
import { hostsOf, regionPlan } from "../../infra/topology/model.ts";
import { planTopology } from "../../infra/topology/plan.ts";
import { watchdogJson } from "../../infra/watchdog/watchdog-config.ts";
import { watchdogConfigSchema, watchdogFileSchema } from "../../watchdog/config/schema.ts";
import { ConfigError, parseSchema, sentenceOf } from "../../watchdog/config/violations.ts";
import { testConfig, validRawConfig } from "./infra-fixtures.ts";

function violationsOf(raw: Readonly<Record<string, string>>): readonly string[] {
  try {
    parseConfig(raw, { fileOf: () => "Pulumi.gra.yaml" });
  } catch (error) {
    if (error instanceof ConfigError) return error.violations.map(sentenceOf);
    throw error;
  }
  return [];
}

function violationsWith(changes: Readonly<Record<string, string>>): readonly string[] {
  const own = Object.fromEntries(Object.entries(changes).map(([key, value]) => [`es-failover:${key}`, value]));
  return violationsOf({ ...validRawConfig, ...own });
}

function violationsWithout(key: string): readonly string[] {
  return violationsOf(
    Object.fromEntries(Object.entries(validRawConfig).filter(([name]) => name !== `es-failover:${key}`)),
  );
}

const [host] = hostsOf(regionPlan(planTopology(testConfig()), "gra"), "haproxy");
if (host === undefined) throw new Error("no HAProxy host");

const keysOf = (value: unknown): readonly string[] =>
  typeof value === "object" && value !== null ? Object.keys(value) : [];

const virtualAddress = (address: string, haproxyNodes = 2) => ({
  gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", haproxyNodes, virtualAddress: address },
  bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
});

const bastion = (privateIp = "192.168.1.195") => ({
  ...{ host: "203.0.113.10", user: "jump", hostKey: "ecdsa-sha2-nistp256 AAAA", privateIp },
});

const hidden = (publicAddresses: string) => ({
  gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", publicAddresses, virtualAddress: "192.168.1.190" },
  bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
});

describe("the stack configuration", () => {
  test("a region has three Elasticsearch nodes and two HAProxy hosts by default", () => {
    const { regions } = testConfig();
    expect(
      Object.values(regions).map(({ elasticsearchNodes, haproxyNodes }) => [elasticsearchNodes, haproxyNodes]),
    ).toEqual([
      [3, 2],
      [3, 2],
    ]);
  });

  test("keys of other namespaces are ignored", () => {
    expect(violationsOf({ ...validRawConfig, "ovh:endpoint": "ovh-eu" })).toEqual([]);
  });

  test.each(["region", "serviceName", "regions", "witness", "adminCidrs", "replication", "firstPrimary"])(
    "a missing %s is named as the user writes it",
    (key) => {
      expect(violationsWithout(key)).toEqual([
        expect.stringMatching(new RegExp(`^es-failover:${key} is missing: write `)),
      ]);
    },
  );

  test("one sentence asks for everything that `npm run init` creates", () => {
    const raw = Object.fromEntries(
      Object.entries(validRawConfig).filter(([name]) => !initKeys.some((key) => name === `es-failover:${key}`)),
    );
    expect(violationsOf(raw)).toEqual([
      expect.stringMatching(/caCertificate.*etcdPassword are missing: run `npm run init`/),
    ]);
  });

  test.each([
    ["serviceName", "my-project", /serviceName is "my-project": .*32 hexadecimal digits/],
    ["adminCidrs", "0.0.0.0/0", /adminCidrs\[0\] is "0\.0\.0\.0\/0": .*open SSH to the world/],
    ["adminCidrs", "203.0.113.7", /adminCidrs\[0\] is "203\.0\.113\.7": write an IPv4 network/],
    ["adminCidrs", "[]", /adminCidrs is \[\]: name at least one network, .* or set a bastion/],
    ["bastion", JSON.stringify(bastion()), /adminCidrs must be \[\] with a bastion: .* from its address alone/],
    ["bastion", "203.0.113.10", /bastion is "203\.0\.113\.10": write it as \{"host": /],
    [
      "bastion",
      JSON.stringify({ ...bastion(), hostKey: "AAAA" }),
      /bastion\.hostKey is "AAAA": write a host's public key/,
    ],
    [
      "endpointAddresses",
      '{"gra":{"host":"gra.example.org","port":9200}}',
      /endpointAddresses\.bhs is missing: write an address for each region/,
    ],
    ["endpointAddresses", '{"gra":{"host":"https://gra","port":9200}}', /without scheme and port/],
    ["clientCidrs", "198.51.100.1/24", /clientCidrs\[0\] is "198\.51\.100\.1\/24": .*host bits are zero/],
    [
      "elasticsearch",
      '{"licence":"trial","version":"9"}',
      /elasticsearch\.version is "9": write an exact version, such as 9\.5\.3/,
    ],
    ["elasticsearch", '{"licence":"trial","heap":"lots"}', /elasticsearch\.heap is "lots": write a size such as "4g"/],
    ["elasticsearch", "9.5.3", /elasticsearch is "9\.5\.3": write at least the licence/],
    [
      "elasticsearch",
      '{"licence":"trial","versoin":"9.5.3"}',
      /elasticsearch\.versoin is not a known key of Pulumi\.gra\.yaml; the closest one is es-failover:elasticsearch\.version\./,
    ],
    [
      "adminCidr",
      "203.0.113.7/32",
      /adminCidr is not a known key of Pulumi\.gra\.yaml; the closest one is es-failover:adminCidrs\./,
    ],
    ["region", "sbg", /region is "sbg": write one of gra, bhs, witness/],
    ["firstPrimary", "sbg", /firstPrimary is "sbg": write one of the regions, gra or bhs/],
    ["protect", "maybe", /protect is "maybe": write true or false/],
    ["checks", '{"profile":"slow"}', /checks\.profile is "slow"/],
    ["witness", "DE1", /witness is "DE1": write the third site, such as \{.*\}, or none/],
    ["witness", '{"ovhRegion":"DE1","cidr":"192.168.2.0/24"}', /overlaps witness's 192\.168\.2\.0\/24/],
    [
      "witness",
      '{"ovhRegion":"DE1","cidr":"10.0.3.0/24"}',
      /witness\.cidr is "10\.0\.3\.0\/24": write a network within/,
    ],
    ["router", '{"ticketRenewalMs":3000}', /failsafe\.timeoutMs \(3000 \+ 3000 \+ 1000 = 7000\) may not exceed/],
    ["leases", '{"marginMs":5000}', /router\.ticketValidityMs \+ leases\.marginMs \(6000 \+ 5000 = 11000\)/],
    ["router", '{"configFile":"/x"}', /router\.configFile is not a known key of Pulumi\.gra\.yaml/],
    ["canary", '{"timeoutMs":10000}', /canary\.timeoutMs \(10000\) must be below canary\.intervalMs \(10000\)/],
    ["replication", '{"patterns":["*-canary"]}', /patterns\[0\] is "\*-canary": this includes the canaries' index/],
    ["promotion", '{"batchSize":0}', /promotion\.batchSize is 0/],
    ["entryNames", "es", /entryNames\[0\] is "es": write a DNS name/],
    [
      "protection",
      "true",
      /protection is not a known key of Pulumi\.gra\.yaml; the closest one is es-failover:protect\./,
    ],
    ["ttlMs", "5000", /ttlMs is not a known key of Pulumi\.gra\.yaml; the closest one is es-failover:leases\.ttlMs\./],
    [
      "etcd",
      '{"heartbeatMs":500}',
      /etcd\.heartbeatMs \(500\) may be at most a fifth of store\.electionTimeoutMs \(2000\)/,
    ],
    [
      "store",
      '{"electionTimeoutMs":7000}',
      /leases\.ttlMs \(10000\) must be at least 1\.5 times store\.electionTimeoutMs \(7000\)/,
    ],
    ["page", '{"authentication":"proxy","cidrs":["203.0.113.7/32"]}', /page\.cidrs must be left out: .*loopback alone/],
    ["page", '{"authentication":"certificate","cidrs":["203.0.113.7/32"]}', /page\.clientCa is missing: name the CA/],
    ["page", '{"authentication":"password","cidrs":["203.0.113.7/32"]}', /pagePassword is missing, .*--secret/],
    ["page", '{"authentication":"proxy","cidrs":["0.0.0.0/0"]}', /page\.cidrs\[0\] is "0\.0\.0\.0\/0": .*to the world/],
    ["page", "proxy", /page is "proxy": write at least the authentication/],
    ["pagePassword", "secret", /pagePassword is too short: write at least 16 characters/],
    [
      "snapshots",
      '{"bucket":"es-backup","region":"rbx"}',
      /snapshots\.endpoint is missing: write a host's name, such as s3\.rbx/,
    ],
    ["securityUpgrades", "weekly", /securityUpgrades is "weekly": write automatic or none/],
    ["fixedHostSettings", "vm.swappiness", /fixedHostSettings\[0\] is "vm\.swappiness": write vm\.max_map_count or/],
    ["drain", "gra-es-2", /drain is "gra-es-2": write gra-es-3, the last node of gra/],
    ["drain", "gra-es-3", /drain is "gra-es-3": gra has 3 nodes, and 3 have to stay to survive the loss of one/],
    ["resize", "bhs-es-1", /resize is "bhs-es-1": write a host of gra: gra-es-1, gra-es-2, gra-es-3, gra-haproxy-1/],
    [
      "hostKeys",
      '{"bhs-es-1":"ssh-ed25519 AAAA"}',
      /hostKeys\.bhs-es-1 is not for a host of gra: there are gra-es-1, gra/,
    ],
    [
      "hostKeys",
      '{"gra-es-1":"AAAA"}',
      /hostKeys\.gra-es-1 is "AAAA": write a host's public key of SSH, such as ecdsa/,
    ],
    ["dns", '{"zone":"example","names":{}}', /dns\.zone is "example": write a DNS zone such as example\.com/],
    [
      "dns",
      '{"zone":"example.com","names":{"sbg":"es"}}',
      /dns\.names\.sbg is not for a region: there are gra and bhs/,
    ],
    ["dns", '{"zone":"example.com","names":{"gra":"es","bhs":"es"}}', /dns\.names\.bhs is "es", as that of gra/],
    [
      "dns",
      '{"zone":"example.com","names":{"gra":"es"},"ttlSeconds":30}',
      /dns\.ttlSeconds is 30: write a number from 60/,
    ],
    ["dns", "example.com", /dns is "example\.com": write the zone and the names, such as/],
    ["replication", '{"patterns":["*"]}', /replication\.patterns\[0\] is "\*": this includes system indices/],
  ])("a wrong %s (%s) is named with its value and what to write", (key, value, message) => {
    expect(violationsWith({ [key]: value })).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    ["192.168.1.11", /bastion\.privateIp is "192\.168\.1\.11": this is for Elasticsearch nodes, 192\.168\.1\.11 to/],
    ["192.168.2.1", /this is for the gateway: write one of no other use/],
    ["192.168.1.190", /this is the virtual address of gra/],
    ["10.0.0.5", /write an address of the private network, 192\.168\.0\.0\/16/],
  ])("a bastion at %s is refused, with what the address is for", (privateIp, message) => {
    const changes = {
      adminCidrs: "[]",
      bastion: JSON.stringify(bastion(privateIp)),
      regions: JSON.stringify(hidden("all")),
    };
    expect(violationsWith(changes)).toEqual([expect.stringMatching(message)]);
  });

  test("hosts without a public address need a bastion in their own stack, and in no other", () => {
    const regions = JSON.stringify(hidden("entries"));
    expect(violationsWith({ regions })).toEqual([
      expect.stringMatching(/bastion is missing, and regions\.gra\.publicAddresses is "entries": nothing else reaches/),
    ]);
    expect(violationsWith({ regions, region: "bhs" })).toEqual([]);
    expect(violationsWith({ regions, adminCidrs: "[]", bastion: JSON.stringify(bastion()) })).toEqual([]);
    const witness = JSON.stringify({ ovhRegion: "DE1", cidr: "192.168.3.0/24", publicAddresses: "none" });
    expect(violationsWith({ witness, region: "witness" })).toEqual([
      expect.stringMatching(/bastion is missing, and witness\.publicAddresses is "none"/),
    ]);
    expect(violationsWith({ witness })).toEqual([]);
  });

  test("a DNS name for public addresses needs entries that have one", () => {
    const dns = JSON.stringify({ zone: "example.com", names: { gra: "es-gra" }, addresses: "public" });
    const reached = { adminCidrs: "[]", bastion: JSON.stringify(bastion()), dns };
    expect(violationsWith({ ...reached, regions: JSON.stringify(hidden("entries")) })).toEqual([]);
    expect(violationsWith({ ...reached, regions: JSON.stringify(hidden("none")) })).toEqual([
      expect.stringMatching(/dns\.addresses is "public", and the HAProxy hosts of gra have no public address/),
    ]);
  });

  test.each([
    ["one region", { gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24" } }, /exactly two regions/],
    [
      "overlapping regions",
      { gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24" }, bhs: { ovhRegion: "BHS5", cidr: "192.168.1.0/24" } },
      /overlaps bhs's 192\.168\.1\.0\/24/,
    ],
    [
      "a region outside the network",
      { gra: { ovhRegion: "GRA11", cidr: "10.0.1.0/24" }, bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24" } },
      /regions\.gra\.cidr is "10\.0\.1\.0\/24": write a network within es-failover:network\.cidr/,
    ],
    [
      "a region without a HAProxy host, and so without a member of etcd",
      {
        gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", haproxyNodes: 0 },
        bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
      },
      /regions\.gra\.haproxyNodes is 0: with a witness each region needs a HAProxy host/,
    ],
    [
      "no Elasticsearch node",
      {
        gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", elasticsearchNodes: 0 },
        bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
      },
      /regions\.gra\.elasticsearchNodes is 0: write a number from 1 to/,
    ],
    [
      "a virtual address that is none",
      virtualAddress("192.168.1"),
      /regions\.gra\.virtualAddress is "192\.168\.1": write an IPv4 address, such as/,
    ],
    [
      "a virtual address in the other region's network",
      virtualAddress("192.168.2.190"),
      /virtualAddress is "192\.168\.2\.190": write an address of the region's own network, 192\.168\.1\.0\/24/,
    ],
    [
      "a virtual address that a HAProxy host may have one day",
      virtualAddress("192.168.1.180"),
      /this is for HAProxy hosts, 192\.168\.1\.101 to 192\.168\.1\.180: write one of no other use, such as 192\.168\.1\.190/,
    ],
    [
      "a virtual address that the DHCP service may give away",
      virtualAddress("192.168.1.201"),
      /this is for the DHCP service, 192\.168\.1\.201 to 192\.168\.1\.250/,
    ],
    ["a virtual address for broadcasts", virtualAddress("192.168.1.255"), /this is for broadcasts: write one/],
    [
      "a virtual address of one HAProxy host",
      virtualAddress("192.168.1.190", 1),
      /regions\.gra\.virtualAddress needs two HAProxy hosts in gra, and haproxyNodes is 1: leave it out/,
    ],
  ])("%s is refused", (_what, regions, message) => {
    expect(violationsWith({ regions: JSON.stringify(regions) })).toEqual([expect.stringMatching(message)]);
  });

  const routers = (gra: number, bhs: number) =>
    JSON.stringify({
      gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", haproxyNodes: gra },
      bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24", haproxyNodes: bhs },
    });

  test.each([
    [2, 2],
    [1, 1],
    [0, 0],
  ])("without a witness, %i and %i HAProxy hosts are refused: the record is in one watchdog's file", (gra, bhs) => {
    expect(violationsWith({ witness: "none", regions: routers(gra, bhs) })).toEqual([
      expect.stringMatching(
        new RegExp(`has haproxyNodes gra ${gra}, bhs ${bhs}, and .*witness is none.*exactly one HAProxy`),
      ),
    ]);
  });

  test("without a witness, one HAProxy host is enough", () => {
    expect(violationsWith({ witness: "none", regions: routers(0, 1) })).toEqual([]);
  });

  test("the witness has a stack of its own, unless there is none", () => {
    expect(violationsWith({ region: "witness" })).toEqual([]);
    expect(violationsWith({ region: "witness", witness: "none", regions: routers(0, 1) })).toEqual([
      expect.stringMatching(/region is "witness", and es-failover:witness is none/),
    ]);
  });

  test.each<[string, object]>([
    ["replication", { patterns: [] }],
    ["checks", { timeoutMs: 0 }],
    ["promotion", { batchSize: 501 }],
    ["switchover", { maxWritePauseMs: "45 s" }],
    ["rejoin", { policy: "discard" }],
    ["canary", { unhealthyCauses: ["forbidden"] }],
    ["failback", { automatic: "yes" }],
    ["leases", { ttlMs: 1.5 }],
    ["elasticsearch", { requestTimeoutMs: -1 }],
    ["publisher", { source: { kind: "service", urls: ["http://127.0.0.1:9201"] }, files: [{ path: "etc" }] }],
    ["hooks", { afterOpening: [{ command: ["h"] }] }],
    ["notifications", { targets: [{ kind: "smtp", name: "mail", host: "m", from: "a@b", to: [] }] }],
  ])("a wrong value of %s is refused in the watchdog's own sentence", (key, value) => {
    const written = JSON.parse(watchdogJson({ topology: planTopology(testConfig()), config: testConfig(), host }));
    const parsed = parseSchema(
      watchdogFileSchema,
      { ...written, [key]: { ...written[key], ...value } },
      { fileOf: () => "watchdog.json" },
    );
    const sentences = parsed.violations?.map((violation) => `es-failover:${sentenceOf(violation)}.`);
    const required: Record<string, object> = {
      replication: { patterns: ["app-*"] },
      elasticsearch: { licence: "trial" },
    };
    expect(violationsWith({ [key]: JSON.stringify({ ...required[key], ...value }) })).toEqual(sentences);
    expect(sentences).toHaveLength(1);
  });

  test("every section of watchdog.json is a key of the same name, or follows from the plan of the sites", () => {
    const planned = ["name", "site", "endpoint", "metrics", "entry", "stateDirectory", "controlSocket"];
    const keys = Object.keys(stackSchema.shape);
    expect(Object.keys(watchdogFileSchema.shape).filter((key) => !keys.includes(key))).toEqual(planned);
  });

  test.each<[string, string, object]>([
    ["switchover", '{"maxWritePauseMs":30000}', { switchover: { catchUpTimeoutMs: 15_000, maxWritePauseMs: 30_000 } }],
    ["remoteClusterSecurity", "api_key", { remoteClusterSecurity: "api_key" }],
    ["rejoin", '{"policy":"keep"}', { rejoin: { policy: "keep" } }],
    ["canary", '{"unhealthyCauses":[]}', { canary: { intervalMs: 10_000, unhealthyCauses: [] } }],
    ["failback", '{"automatic":true}', { failback: { automatic: true, quietPeriodMs: 3_600_000 } }],
    [
      "hooks",
      '{"beforeClosing":[{"command":["/opt/hooks/before","gra"],"onFailure":"stop"}]}',
      { hooks: { beforeClosing: [{ command: ["/opt/hooks/before", "gra"], timeoutMs: 10_000 }], afterOpening: [] } },
    ],
    ["elasticsearch", '{"licence":"trial","requestTimeoutMs":20000}', { elasticsearch: { requestTimeoutMs: 20_000 } }],
    ["logLevel", "debug", { logLevel: "debug" }],
    ["store", '{"deadlineMs":2500}', { store: { deadlineMs: 2_500, hedgeAfterMs: 1_000 } }],
    ["failsafe", '{"timeoutMs":900}', { failsafe: { timeoutMs: 900 } }],
    ["page", '{"authentication":"proxy"}', { page: { authentication: { kind: "proxy" } } }],
    [
      "notifications",
      '{"targets":[{"kind":"webhook","name":"hook","url":"https://hooks.example.com/"}]}',
      { notifications: { targets: [{ kind: "webhook", name: "hook", minSeverity: "info" }], refusedAfterMs: 60_000 } },
    ],
    [
      "publisher",
      '{"source":{"kind":"service","urls":["http://127.0.0.1:9201"]},"consul":{}}',
      { publisher: { source: { kind: "service" }, consul: { key: "es-failover/endpoint" } } },
    ],
  ])("%s (%s) reaches watchdog.json", (key, value, expected) => {
    const config = testConfig({ [key]: value });
    expect(JSON.parse(watchdogJson({ topology: planTopology(config), config, host }))).toMatchObject(expected);
  });

  test("API keys between the clusters ask for a licence that includes them", () => {
    const licensed = (type: string) =>
      violationsWith({
        remoteClusterSecurity: "api_key",
        elasticsearch: '{"licence":"file"}',
        licenceFile: JSON.stringify({ license: { type } }),
      });
    expect(licensed("platinum")).toEqual([
      expect.stringMatching(/remoteClusterSecurity is "api_key", .*a platinum licence/),
    ]);
    expect(licensed("enterprise")).toEqual([]);
  });

  test("snapshots ask for both keys of the object storage, and the watchdog gets to know the age alone", () => {
    const snapshots = JSON.stringify({ bucket: "es-backup", endpoint: "s3.rbx.io.cloud.ovh.net", region: "rbx" });
    expect(violationsWith({ snapshots })).toEqual([
      expect.stringMatching(/snapshotAccessKey is missing: store it with `pulumi config set --secret es-failover:snap/),
      expect.stringMatching(/snapshotSecretKey is missing/),
    ]);
    const config = testConfig({ snapshots, snapshotAccessKey: "access", snapshotSecretKey: "secret" });
    const file = watchdogJson({ topology: planTopology(config), config, host });
    expect(JSON.parse(file).snapshots).toEqual({ maxAgeMs: 129_600_000 });
    const few = JSON.stringify({ ...JSON.parse(snapshots), minCount: 5, maxCount: 4 });
    expect(violationsWith({ snapshots: few, snapshotAccessKey: "access", snapshotSecretKey: "secret" })).toEqual([
      expect.stringMatching(/snapshots\.maxCount \(4\) must be at least snapshots\.minCount \(5\)/),
    ]);
  });

  const sections = Object.keys(stackSchema.shape).filter((key) => key in watchdogFileSchema.shape);
  test.each(sections)("%s, which both the stack and the watchdog have, is handed over to watchdog.json", (section) => {
    const config = testConfig({
      page: '{"authentication":"proxy"}',
      publisher: '{"source":{"kind":"service","urls":["http://127.0.0.1:9201"]},"consul":{}}',
    });
    const file = JSON.parse(watchdogJson({ topology: planTopology(config), config, host }));
    expect(file).toHaveProperty(section);
    const ofStack: unknown = Reflect.get(config, section);
    const ofWatchdog: unknown = Reflect.get(watchdogConfigSchema.parse(file), section);
    for (const key of keysOf(ofStack).filter((one) => keysOf(ofWatchdog).includes(one))) {
      expect(file[section]).toHaveProperty([key]);
    }
  });

  test.each(["standard", "fast"])("the %s profile keeps every timing rule", (profile) => {
    expect(violationsWith({ checks: JSON.stringify({ profile }) })).toEqual([]);
  });

  test("no licence is chosen for the user: a trial ends in both regions on the same day", () => {
    expect(violationsWith({ elasticsearch: "{}" })).toEqual([
      expect.stringMatching(/elasticsearch\.licence is missing: write "file" .*, or "trial" for a test: .*same day/),
    ]);
    const { "es-failover:elasticsearch": _, ...without } = validRawConfig;
    expect(violationsOf(without)).toEqual([
      expect.stringMatching(/elasticsearch is missing: write at least the licence/),
    ]);
  });

  test("the licence `file` requires the licence itself", () => {
    expect(violationsWith({ elasticsearch: '{"licence":"file"}' })).toEqual([
      expect.stringMatching(/licenceFile is missing.*pulumi config set --secret/),
    ]);
  });

  test("a target's secret that provisioning is to write must be in the stack", () => {
    const notifications = JSON.stringify({
      targets: [
        { kind: "slack", name: "chat", urlFile: "/etc/es-failover/notifications/chat-url" },
        { kind: "slack", name: "other", urlFile: "/etc/my-own/url" },
      ],
    });
    expect(violationsWith({ notifications })).toEqual([
      expect.stringMatching(
        /targets\[0\]\.urlFile is .* notificationSecrets has no chat-url: .*pulumi config set .*--secret/,
      ),
    ]);
    const notificationSecrets = JSON.stringify({ "chat-url": "https://hooks.example.com/SECRET" });
    expect(violationsWith({ notifications, notificationSecrets })).toEqual([]);
  });

  test("all violations are shown at once", () => {
    expect(violationsWith({ serviceName: "x", adminCidrs: "y", bogus: "z" })).toHaveLength(3);
  });

  test("a secret is never part of a message", () => {
    const violations = [
      ...violationsOf({ ...validRawConfig, "es-failover:appPassword": " ", "es-failover:bogus": "x" }),
    ];
    violations.push(...violationsWith({ licenceFile: "licence-document" }));
    violations.push(...violationsWith({ notificationSecrets: "hook-secret" }));
    violations.push(...violationsWith({ notificationSecrets: '{"../name":"hook-secret","number":4711}' }));
    expect(violations).toEqual([
      expect.stringMatching(/^es-failover:appPassword is empty: remove the key/),
      expect.stringMatching(/bogus is not a known key/),
      expect.stringMatching(/^es-failover:licenceFile is not a JSON document/),
      expect.stringMatching(/^es-failover:notificationSecrets is no object of names and secrets/),
      expect.stringMatching(/^es-failover:notificationSecrets\.\.\.\/name has no valid name/),
      expect.stringMatching(/^es-failover:notificationSecrets\.number /),
    ]);
    for (const secret of [
      "ca-private-key",
      "licence-document",
      "ssh-private-key",
      "watchdog-password",
      "check-password",
      "hook-secret",
      "4711",
    ]) {
      expect(violations.join("\n")).not.toContain(secret);
    }
  });
});
