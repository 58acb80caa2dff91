import { describe, expect, test } from "vitest";
import { aptPin, aptSource } from "../../infra/elasticsearch/apt-source.ts";
import { clusterRequests } from "../../infra/elasticsearch/cluster-requests.ts";
import { elasticsearchYml, jvmOptions, unicastHosts } from "../../infra/elasticsearch/node-files.ts";
import { remoteKeystore } from "../../infra/elasticsearch/remote-keys.ts";
import { snapshotInput, snapshotKeystore } from "../../infra/elasticsearch/snapshots.ts";
import { completionUnit, etcdDropIn, etcdSettings, memberJson } from "../../infra/etcd/etcd-files.ts";
import { haproxyCfg, haproxyDefaults } from "../../infra/haproxy/haproxy-cfg.ts";
import { keepalivedConf } from "../../infra/haproxy/keepalived.ts";
import { kernelSettingsFile } from "../../infra/provision/host-settings.ts";
import { upgradeFiles, upgradeTime } from "../../infra/provision/security-upgrades.ts";
import { hostsOf, type Role, regionPlan } from "../../infra/topology/model.ts";
import { planTopology } from "../../infra/topology/plan.ts";
import { watchdogJson } from "../../infra/watchdog/watchdog-config.ts";
import { roleDefinitions, users } from "../../watchdog/config/roles.ts";
import { testConfig, virtualAddressChanges } from "./infra-fixtures.ts";

const config = testConfig();
const { remoteClusterSecurity } = config;
const topology = planTopology(config);

function host(role: Role, region = "gra") {
  const [first] = hostsOf(regionPlan(topology, region), role);
  if (first === undefined) throw new Error(`no ${role} host in ${region}`);
  return first;
}

const grownInBhs = planTopology(
  testConfig({
    regions: JSON.stringify({
      gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", elasticsearchNodes: 4 },
      bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24", elasticsearchNodes: 5 },
    }),
  }),
);

describe("files of an Elasticsearch node", () => {
  test("elasticsearch.yml", () => {
    expect(
      elasticsearchYml({
        topology,
        host: host("elasticsearch"),
        licence: "trial",
        snapshots: null,
        remoteClusterSecurity,
      }),
    ).toMatchSnapshot();
  });

  test("elasticsearch.yml, and so the running nodes, do not change when a region grows", () => {
    const node = host("elasticsearch");
    expect(
      elasticsearchYml({ topology: grownInBhs, host: node, licence: "trial", snapshots: null, remoteClusterSecurity }),
    ).toBe(elasticsearchYml({ topology, host: node, licence: "trial", snapshots: null, remoteClusterSecurity }));
  });

  const keyed = { topology, licence: "trial", snapshots: null, remoteClusterSecurity: "api_key" } as const;

  test("elasticsearch.yml with API keys, and no key in it", () => {
    const text = elasticsearchYml({ ...keyed, host: host("elasticsearch") });
    expect(text).toMatchSnapshot();
    expect(text).not.toContain("credentials");
  });

  test("with API keys the keystore has the one of the other region, and the watchdog's role names that region", () => {
    const key = { remoteKey: "aWQ6a2V5" };
    expect(remoteKeystore({ remoteClusterSecurity: "api_key", ...key }, "bhs")).toEqual({
      "cluster.remote.bhs.credentials": "aWQ6a2V5",
    });
    expect(remoteKeystore({ remoteClusterSecurity: "api_key" }, "bhs")).toEqual({});
    expect(remoteKeystore({ remoteClusterSecurity: "certificate", ...key }, "bhs")).toEqual({});
    const role = (keyedRemote: { keyedRemote?: string }) =>
      roleDefinitions({ patterns: ["app-*"], ...keyedRemote })[users.watchdog.role]?.remote_indices;
    expect(role({})).toBeUndefined();
    expect(role({ keyedRemote: "bhs" })).toEqual([
      { clusters: ["bhs"], names: ["app-*", ".ds-app-*"], privileges: ["cross_cluster_replication"] },
    ]);
  });

  const storage = { bucket: "es-backup", endpoint: "s3.rbx.io.cloud.ovh.net", region: "rbx" };
  const backedUp = testConfig({
    snapshots: JSON.stringify(storage),
    snapshotAccessKey: "access",
    snapshotSecretKey: "secret",
  });

  test("elasticsearch.yml with snapshots names the object storage, and no key of it", () => {
    const text = elasticsearchYml({
      topology,
      host: host("elasticsearch"),
      licence: "trial",
      snapshots: backedUp.snapshots,
      remoteClusterSecurity,
    });
    expect(text).toMatch(
      /^s3\.client\.es_failover\.endpoint: https:\/\/s3\.rbx\.io\.cloud\.ovh\.net\ns3.*region: rbx$/m,
    );
    expect(text).not.toMatch(/access|secret/);
    expect(snapshotKeystore(backedUp)).toEqual({
      "s3.client.es_failover.access_key": "access",
      "s3.client.es_failover.secret_key": "secret",
    });
  });

  test("repositories and policy of the snapshots", () => {
    if (backedUp.snapshots === null) throw new Error("no snapshots");
    expect(snapshotInput(backedUp.snapshots, { topology, region: "gra", patterns: ["app-*"] })).toMatchSnapshot();
  });

  test("only one region's cluster writes to a path, and no running snapshot keeps an index from being closed", () => {
    if (backedUp.snapshots === null) throw new Error("no snapshots");
    const writers = new Map<string, string>();
    for (const region of ["gra", "bhs"]) {
      const input = snapshotInput(backedUp.snapshots, { topology, region, patterns: ["app-*"] });
      for (const { settings } of Object.values(input.repositories)) {
        if (settings.readonly) continue;
        expect(writers.get(settings.base_path)).toBeUndefined();
        writers.set(settings.base_path, region);
      }
      expect(input.policy.config.partial).toBe(true);
    }
    expect([...writers]).toEqual([
      ["es-failover/gra", "gra"],
      ["es-failover/bhs", "bhs"],
    ]);
  });

  test("unicast_hosts.txt names the nodes of the own region", () => {
    expect(unicastHosts(topology, "bhs")).toMatchSnapshot();
  });

  test.each([undefined, "4g"])("jvm options with heap %s", (heap) => {
    expect(jvmOptions(heap)).toMatchSnapshot();
  });

  test("apt source and pin", () => {
    expect(aptSource(config.elasticsearch.packageSource)).toMatchSnapshot();
    expect(aptPin("9.5.3")).toMatchSnapshot();
  });

  test("roles and users", () => {
    const passwords = { watchdog: "w", haproxyCheck: "h", app: "a" };
    expect(clusterRequests({ ...config, licenceFile: '{"license":{}}' }, passwords)).toMatchSnapshot();
  });
});

describe("settings of the hosts", () => {
  test.each(["elasticsearch", "haproxy"] as const)("kernel settings for the role %s", (role) => {
    expect(kernelSettingsFile(role).content).toMatchSnapshot();
  });

  const upgradesOf = (on: ReturnType<typeof host>, changes = {}) =>
    upgradeFiles(topology, on, testConfig(changes)).map(({ path, content }) => `${path}\n${content}`);

  test("security upgrades", () => {
    expect(upgradesOf(host("elasticsearch"))).toMatchSnapshot();
  });

  test("security upgrades that are switched off", () => {
    expect(upgradesOf(host("elasticsearch"), { securityUpgrades: "none" })[0]).toContain(
      'APT::Periodic::Unattended-Upgrade "0";',
    );
  });

  test("no two sites upgrade on the same day, and no two hosts of a role in a site at the same time", () => {
    const [timesOf, daysOf] = [new Map<string, string>(), new Map<string, string>()];
    for (const each of topology.hosts) {
      const time = upgradeTime(topology, each);
      const hour = `${each.region} ${each.role} ${time}`;
      expect([each.name, timesOf.get(hour)]).toEqual([each.name, undefined]);
      timesOf.set(hour, each.name);
      for (const day of time.split(" ")[0]?.split(",") ?? []) {
        expect([day, daysOf.get(day) ?? each.region]).toEqual([day, each.region]);
        daysOf.set(day, each.region);
      }
    }
    expect(daysOf.size).toBe(6);
  });

  test("the days follow from the regions' names, in whatever order a stack has them", () => {
    const reversed = planTopology({ ...config, regions: Object.fromEntries(Object.entries(config.regions).reverse()) });
    for (const each of topology.hosts) expect(upgradeTime(reversed, each)).toBe(upgradeTime(topology, each));
  });
});

describe("files of a HAProxy host", () => {
  test("haproxy.cfg", () => {
    expect(
      haproxyCfg({ topology, check: { user: "haproxy-check", password: "secret" }, withMetrics: false }),
    ).toMatchSnapshot();
  });

  const shared = planTopology(testConfig(virtualAddressChanges));

  test("haproxy.cfg answers keepalived's question where a region has a virtual address, and is the same otherwise", () => {
    const rendered = (of: typeof topology) =>
      haproxyCfg({ topology: of, check: { user: "haproxy-check", password: "secret" }, withMetrics: false }).split(
        "\n",
      );
    const [alone, together] = [rendered(topology), rendered(shared)];
    const added = together.slice(alone.indexOf("  stats enable"), together.indexOf("  stats enable"));
    expect(together.filter((line, n) => !(added.includes(line) && n > alone.indexOf("frontend status")))).toEqual(
      alone,
    );
    expect(added.join("\n")).toMatchInlineSnapshot(`
      "  http-request set-log-level silent if { path /open }
        http-request set-var(txn.now) date(0,ms)
        http-request set-var(txn.left_gra) str(gra),map_str_int(/var/lib/es-failover/haproxy/ticket.map,0),sub(txn.now)
        http-request set-var(txn.left_bhs) str(bhs),map_str_int(/var/lib/es-failover/haproxy/ticket.map,0),sub(txn.now)
        http-request return status 200 if { path /open } { var(txn.left_gra) -m int gt 0 }
        http-request return status 200 if { path /open } { var(txn.left_bhs) -m int gt 0 }
        http-request return status 503 if { path /open }"
    `);
  });

  test("keepalived.conf, the same on both hosts but for their addresses", () => {
    const region = regionPlan(shared, "gra");
    const confOf = (each: ReturnType<typeof host>) =>
      keepalivedConf({ region, virtualAddress: region.virtualAddress ?? "", host: each });
    const [first, second] = hostsOf(region, "haproxy").map(confOf);
    expect(first).toMatchSnapshot();
    const swapped = (second ?? "").replaceAll(/192\.168\.1\.10[12]/g, (one) =>
      one.endsWith("1") ? "192.168.1.102" : "192.168.1.101",
    );
    expect(swapped.replace("gra-haproxy-2", "gra-haproxy-1")).toBe(first);
  });

  test("/etc/default/haproxy", () => {
    expect(haproxyDefaults).toMatchSnapshot();
  });

  test("watchdog.json", () => {
    expect(watchdogJson({ topology, config, host: host("haproxy", "bhs") })).toMatchSnapshot();
  });

  test("watchdog.json with an endpoint service for applications, which the witness lacks", () => {
    const endpointAddresses = {
      gra: { host: "192.168.1.101", port: 9200 },
      bhs: { host: "192.168.2.101", port: 9200 },
    };
    const answering = testConfig({ endpointAddresses: JSON.stringify(endpointAddresses) });
    const endpointOf = (on: ReturnType<typeof host>) =>
      JSON.parse(watchdogJson({ topology: planTopology(answering), config: answering, host: on })).endpoint;
    expect(endpointOf(host("haproxy", "bhs"))).toEqual({
      listen: "0.0.0.0:9201",
      certificateFile: "/etc/es-failover/secrets/watchdog.crt",
      keyFile: "/etc/es-failover/secrets/watchdog.key",
      addresses: endpointAddresses,
    });
    expect(endpointOf(host("witness", "witness"))).toBeUndefined();
  });

  test("watchdog.json with metrics for Prometheus, on the witness too", () => {
    const measured = testConfig({ scraperCidrs: "192.168.9.4/32" });
    const metricsOf = (on: ReturnType<typeof host>) =>
      JSON.parse(watchdogJson({ topology: planTopology(measured), config: measured, host: on })).metrics;
    const served = {
      listen: "0.0.0.0:9444",
      certificateFile: "/etc/es-failover/secrets/watchdog.crt",
      keyFile: "/etc/es-failover/secrets/watchdog.key",
    };
    expect(metricsOf(host("haproxy", "bhs"))).toEqual(served);
    expect(metricsOf(host("witness", "witness"))).toEqual(served);
  });

  test.each([
    ["proxy", { authentication: "proxy" }, { port: 9445, authentication: { kind: "proxy" } }],
    [
      "password",
      { authentication: "password", cidrs: ["192.168.9.4/32"] },
      {
        address: "0.0.0.0",
        port: 9445,
        certificateFile: "/etc/es-failover/secrets/watchdog.crt",
        keyFile: "/etc/es-failover/secrets/watchdog.key",
        authentication: {
          kind: "password",
          username: "operator",
          passwordFile: "/etc/es-failover/secrets/page-password",
        },
      },
    ],
    [
      "certificate",
      { authentication: "certificate", cidrs: ["192.168.9.4/32"], clientCa: "-----BEGIN CERTIFICATE-----" },
      {
        address: "0.0.0.0",
        port: 9445,
        certificateFile: "/etc/es-failover/secrets/watchdog.crt",
        keyFile: "/etc/es-failover/secrets/watchdog.key",
        authentication: { kind: "certificate", clientCaFile: "/etc/es-failover/page-client-ca.crt" },
      },
    ],
  ])("watchdog.json with the status page, by %s, on the witness too", (_kind, page, expected) => {
    const shown = testConfig({ page: JSON.stringify(page), pagePassword: "correct horse battery" });
    const pageOf = (on: ReturnType<typeof host>) =>
      JSON.parse(watchdogJson({ topology: planTopology(shown), config: shown, host: on })).page;
    expect(pageOf(host("haproxy", "bhs"))).toEqual(expected);
    expect(pageOf(host("witness", "witness"))).toEqual(expected);
  });

  test("watchdog.json of a single router, without a witness", () => {
    const alone = testConfig({
      witness: "none",
      regions: JSON.stringify({
        gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", haproxyNodes: 0 },
        bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24", haproxyNodes: 1 },
      }),
    });
    expect(
      watchdogJson({ topology: planTopology(alone), config: alone, host: host("haproxy", "bhs") }),
    ).toMatchSnapshot();
  });
});

describe("files of the witness", () => {
  const fast = testConfig({ checks: '{"profile":"fast"}' });

  test("watchdog.json", () => {
    expect(watchdogJson({ topology, config: fast, host: host("witness", "witness") })).toMatchSnapshot();
  });
});

describe("files of a member of etcd", () => {
  test("/etc/default/etcd", () => {
    expect(etcdSettings({ host: host("haproxy"), config })).toMatchSnapshot();
  });

  test("units", () => {
    expect(etcdDropIn).toMatchSnapshot();
    expect(completionUnit).toMatchSnapshot();
  });

  test("member.json", () => {
    expect(memberJson(topology, host("haproxy"))).toMatchSnapshot();
  });
});
