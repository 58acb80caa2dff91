import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { Monitoring } from "../../infra/config/monitoring.ts";
import { etcdSettings } from "../../infra/etcd/etcd-files.ts";
import { alertNames, ruleFiles, withDelays } from "../../infra/monitoring/alert-rules.ts";
import { alertmanagerYml } from "../../infra/monitoring/alertmanager-files.ts";
import { dashboardJson, dashboards } from "../../infra/monitoring/dashboards.ts";
import { configureInput, packagesOf } from "../../infra/monitoring/host-files.ts";
import { prometheusYml } from "../../infra/monitoring/prometheus-files.ts";
import { scrapeJobs } from "../../infra/monitoring/targets.ts";
import type { Host } from "../../infra/topology/model.ts";
import { planTopology } from "../../infra/topology/plan.ts";
import { watchdogJson } from "../../infra/watchdog/watchdog-config.ts";
import { ConfigError } from "../../watchdog/config/violations.ts";
import { monitoringChanges, testConfig } from "./infra-fixtures.ts";

const config = testConfig(monitoringChanges);
const topology = planTopology(config);
const monitoring = monitoringOf(config.monitoring);

function monitoringOf(section: Monitoring | null): Monitoring {
  if (section === null) throw new Error("the fixture has monitoring");
  return section;
}

function violationsWith(changes: Readonly<Record<string, string | undefined>>): readonly string[] {
  const all = Object.entries({ ...monitoringChanges, ...changes });
  const set = all.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
  try {
    testConfig(Object.fromEntries(set));
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n").filter((line) => line.includes("es-failover:"));
    throw error;
  }
}

const section = (value: object): string => JSON.stringify({ alerts: { kind: "webhook" }, ...value });
const mail = { kind: "email", to: "on-call@example.com", from: "es@example.com", smarthost: "mail.example.com:587" };

describe("the option", () => {
  test.each<[string, Record<string, string | undefined>]>([
    ["a webhook", {}],
    ["Slack", { monitoring: section({ alerts: { kind: "slack" } }) }],
    ["mail with a login", { monitoring: section({ alerts: { ...mail, username: "es" } }), alertsSecret: "password" }],
    ["mail without a login", { monitoring: section({ alerts: mail }), alertsSecret: undefined }],
    [
      "plain HTTP, where it is said",
      { monitoring: section({ plainHttp: true }), deadMansSwitchUrl: "http://203.0.113.9/switch" },
    ],
    ["a receiver by an address outside", { deadMansSwitchUrl: "https://203.0.113.9/switch" }],
    ["another delay of an alert", { monitoring: section({ alertDelaysMs: { EsFailoverNotReady: 30_000 } }) }],
  ])("takes %s", (_what, changes) => {
    expect(violationsWith(changes)).toEqual([]);
  });

  test.each<[string, Record<string, string | undefined>, RegExp]>([
    ["no dead-man's switch", { deadMansSwitchUrl: undefined }, /deadMansSwitchUrl is missing: .*config set --secret/],
    ["no URL of alerts", { alertsSecret: undefined }, /alertsSecret is missing: .*config set --secret/],
    ["what is no URL", { deadMansSwitchUrl: "switch.example.com" }, /deadMansSwitchUrl is no URL/],
    ["another protocol", { alertsSecret: "ftp://alerts.example.com/" }, /alertsSecret is no URL/],
    ["plain HTTP", { deadMansSwitchUrl: "http://switch.example.com/" }, /an http URL: .*monitoring.plainHttp/],
    ["a switch inside", { deadMansSwitchUrl: "https://192.168.3.11/" }, /is within es-failover:network\.cidr/],
    [
      "a login without password",
      { monitoring: section({ alerts: { ...mail, username: "es" } }), alertsSecret: undefined },
      /alertsSecret is missing/,
    ],
    ["a password without login", { monitoring: section({ alerts: mail }), alertsSecret: "p" }, /belongs to .*username/],
    [
      "an unknown alert",
      { monitoring: section({ alertDelaysMs: { EsFailoverNotRedy: 1 } }) },
      /EsFailoverNotRedy names no alert/,
    ],
    [
      "rare scrapes",
      { monitoring: section({ scrapeIntervalMs: 60_000 }) },
      /scrapeIntervalMs is 60000: write at most 30000/,
    ],
    ["an unknown key", { monitoring: section({ retention: 3 }) }, /monitoring\.retention is not a known key/],
    ["no receiver", { monitoring: "{}" }, /monitoring\.alerts is missing/],
  ])("refuses %s, and shows no secret", (_what, changes, message) => {
    const violations = violationsWith(changes);
    expect(violations).toEqual([expect.stringMatching(message)]);
    expect(violations.join()).not.toMatch(/hook-secret|heartbeat-secret|switch\.example|alerts\.example/);
  });

  test("needs a witness", () => {
    const regions = JSON.stringify({
      gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", haproxyNodes: 1 },
      bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24", haproxyNodes: 0 },
    });
    expect(violationsWith({ witness: "none", regions })).toEqual([
      expect.stringMatching(/monitoring needs the witness, and es-failover:witness is none/),
    ]);
  });

  test("opens etcd's metrics on a listener of their own, and the watchdogs' metrics without scraperCidrs", () => {
    const [member] = topology.etcdMembers;
    if (member === undefined) throw new Error("no member");
    expect(etcdSettings({ host: member, config })).toContain("ETCD_LISTEN_METRICS_URLS=https://192.168.1.101:2381\n");
    expect(JSON.parse(watchdogJson({ topology, config, host: member })).metrics.listen).toBe("0.0.0.0:9444");
  });
});

describe("prometheus.yml", () => {
  const settings = parse(prometheusYml(scrapeJobs(topology), monitoring));

  test("reads every service of every host once, by https with a certificate, under the host's name", () => {
    const read = settings.scrape_configs.flatMap((job: { job_name: string; static_configs: StaticConfig[] }) =>
      job.static_configs.map(({ targets, labels }) => [job.job_name, labels?.instance, targets.join()].join(" ")),
    );
    const expected = topology.hosts.flatMap((host) => [
      `node ${host.name} ${host.privateIp}:9100`,
      ...(host.role === "elasticsearch" ? [`elasticsearch ${host.name} ${host.privateIp}:9114`] : []),
      ...(host.role === "haproxy" ? [`haproxy ${host.name} ${host.privateIp}:8405`] : []),
      ...(host.role === "elasticsearch" ? [] : [`es-failover ${host.name} ${host.privateIp}:9444`]),
      ...(topology.etcdMembers.includes(host) ? [`etcd ${host.name} ${host.privateIp}:2381`] : []),
    ]);
    const own = ["prometheus  127.0.0.1:9090", "alertmanager  127.0.0.1:9093"];
    expect(read.toSorted()).toEqual([...expected, ...own].toSorted());
    for (const { scheme, tls_config, static_configs } of settings.scrape_configs) {
      if (static_configs[0].targets[0].startsWith("127.0.0.1:")) continue;
      expect(scheme).toBe("https");
      expect(Object.keys(tls_config)).toEqual(["ca_file", "cert_file", "key_file"]);
    }
  });

  test("follows the interval of the configuration", () => {
    const quick = parse(prometheusYml(scrapeJobs(topology), { ...monitoring, scrapeIntervalMs: 2_500 }));
    expect(quick.global).toEqual({
      scrape_interval: "2500ms",
      scrape_timeout: "2500ms",
      evaluation_interval: "2500ms",
    });
  });
});

interface StaticConfig {
  readonly targets: readonly string[];
  readonly labels?: { readonly instance: string };
}

describe("rules of alerts", () => {
  interface Rule {
    readonly alert: string;
    readonly for?: string;
  }
  const rulesIn = (text: string): readonly Rule[] =>
    parse(text).groups.flatMap(({ rules }: { rules: Rule[] }) => rules);

  test("have another delay where one is configured, also those that fire at once, and are the same otherwise", () => {
    const delays = { EsFailoverNotReady: 20_000, EsFailoverTwoWriters: 1_500, HostDown: 0 };
    const changes: Record<string, string> = {
      EsFailoverNotReady: "20s",
      EsFailoverTwoWriters: "1500ms",
      HostDown: "0s",
    };
    for (const text of Object.values(ruleFiles())) {
      const expected = rulesIn(text).map((rule) =>
        changes[rule.alert] === undefined ? rule : { ...rule, for: changes[rule.alert] },
      );
      expect(rulesIn(withDelays(text, delays))).toEqual(expected);
      expect(withDelays(text, {})).toBe(text);
    }
  });

  test("are all known by name", () => {
    const parsed = Object.values(ruleFiles()).flatMap((text) => rulesIn(text).map(({ alert }) => alert));
    expect(alertNames()).toEqual(parsed);
  });
});

describe("alertmanager.yml", () => {
  const settings = parse(alertmanagerYml(monitoring));

  test("sends the dead-man's switch outside each minute, and nothing else there", () => {
    expect(settings.route.routes).toEqual([
      expect.objectContaining({
        receiver: "dead-mans-switch",
        matchers: ['alertname="EsFailoverDeadMansSwitch"'],
        group_interval: "1m",
      }),
    ]);
    expect(settings.route.receiver).toBe("alerts");
  });

  test("inhibits by alerts that exist", () => {
    const named = [...alertmanagerYml(monitoring).matchAll(/alertname="(\w+)"/g)].map(([, name]) => name);
    expect(alertNames()).toEqual(expect.arrayContaining(named));
  });
});

describe("files of the hosts", () => {
  const tls = { ca: "ca\n", certificate: "certificate\n", privateKey: "private key\n" };
  const secrets = { exporter: "exporter-password", deadMansSwitchUrl: "url-one", alertsSecret: "url-two" };
  const inputOf = (role: Host["role"], keys = secrets, material = tls) => {
    const host = topology.hosts.find((one) => one.role === role);
    if (host === undefined) throw new Error(`no ${role}`);
    return { host, input: JSON.parse(configureInput({ host, topology, monitoring }, material, keys)) };
  };

  test.each(["elasticsearch", "haproxy", "witness"] as const)("%s", (role) => {
    const { input } = inputOf(role);
    const rendered = input.files.filter(({ path }: { path: string }) => !path.startsWith("/etc/prometheus/rules/"));
    expect(rendered).toMatchSnapshot();
  });

  test.each(["elasticsearch", "haproxy", "witness"] as const)(
    "%s: no secret is in a file that every user may read, nor in a command line",
    (role) => {
      const { host, input } = inputOf(role);
      expect(Object.keys(input.services)).toEqual(packagesOf(host));
      for (const { path, content, mode } of input.files) {
        const isSecret = /private key|exporter-password|url-one|url-two/.test(content);
        expect([path, isSecret]).toEqual([path, !/[4567]$/.test(mode)]);
      }
    },
  );

  test("every service listens on the private address with TLS, or on loopback", () => {
    for (const role of ["elasticsearch", "haproxy", "witness"] as const) {
      const { host, input } = inputOf(role);
      for (const { path, content } of input.files) {
        const [, address = ""] = /--web\.listen-address=(\S+):\d+/.exec(content) ?? [];
        if (!path.startsWith("/etc/default/")) continue;
        if (address === "127.0.0.1") continue;
        expect([path, address]).toEqual([path, host.privateIp]);
        expect(content).toContain("--web.config.file=/etc/prometheus/es-failover-web.yml");
      }
    }
  });

  test("a renewed certificate restarts nothing, a changed secret the service that reads it once", () => {
    const before = inputOf("elasticsearch").input.services;
    expect(inputOf("elasticsearch", secrets, { ...tls, certificate: "renewed\n" }).input.services).toEqual(before);
    const after = inputOf("elasticsearch", { ...secrets, exporter: "another" }).input.services;
    expect(Object.keys(after).filter((name) => after[name] !== before[name])).toEqual([
      "prometheus-elasticsearch-exporter",
    ]);
  });
});

describe("dashboards", () => {
  test.each(dashboards)("$name: no panel lies on another, and each has a query, a legend and an id", (dashboard) => {
    const { panels } = JSON.parse(dashboardJson(dashboard));
    const taken = new Set<string>();
    for (const { id, gridPos, type, targets } of panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([id, taken.has(`${x} ${y}`)]).toEqual([id, false]);
          taken.add(`${x} ${y}`);
        }
      if (type !== "row") expect(targets).toEqual([expect.objectContaining({ expr: expect.any(String) })]);
    }
    const ids = panels.map(({ id }: { id: number }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
