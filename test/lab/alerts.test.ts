/**
 * The monitoring that `pulumi up` installs, in a lab of its own: real faults make alerts fire in the Prometheus of the witness,
 * and their repair resolves them. Each test begins and ends with gra active and bhs in sync.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, onTestFinished, test } from "vitest";
import { dashboards } from "../../infra/monitoring/dashboards.ts";
import { ApplicationHost, caFile, home } from "../../lab/demo/client-modes/application-host.ts";
import { Writer } from "../../lab/demo/client-modes/writer.ts";
import { createTestAuthority } from "../../lab/elasticsearch/certificates.ts";
import { controllerAddress } from "../../lab/hosts/addressing.ts";
import { labObstacles } from "../../lab/hosts/preflight.ts";
import type { Region, StackSettings } from "../../lab/system/configuration.ts";
import { WitnessPrometheus } from "../../lab/system/prometheus.ts";
import type { TwoRegions } from "../../lab/system/two-regions.ts";
import type { Traffic } from "../../lab/traffic/traffic.ts";
import { firingIn, untilAnswered, untilFired, untilResolved } from "./support/alerts.ts";
import { acknowledged, untilFollowed } from "./support/application.ts";
import { EtcdMembers } from "./support/etcd.ts";
import { checks, isLong, longMode } from "./support/lab-under-test.ts";
import { failBack } from "./support/operator.ts";
import { labPlace, ownLab } from "./support/start-lab.ts";

const obstacles = isLong ? await labObstacles(labPlace) : [`${longMode}=long runs them`];
const reason = obstacles.length === 0 ? "" : ` (skipped: ${obstacles.join(" ")})`;

/** In place of the minutes that a condition must hold on a team's Prometheus: two evaluations. */
const alertDelayMs = 5_000;

/** The alerts that a fault is made for here. */
const shown = [
  "EsFailoverNotReady",
  "EsFailoverNotInSync",
  "EsFailoverRegionUnhealthy",
  "EsFailoverNobodyServes",
  "EsFailoverWatchdogDown",
  "EsFailoverNoDecider",
  "EsFailoverStoreDown",
  "EsFailoverCertificateEnds",
  "EsFailoverHappened",
  "EsFailoverAppBehind",
  "HaproxyBackendDown",
  "HaproxyClosedAnswers",
  "ElasticsearchYellow",
] as const;
type Shown = (typeof shown)[number];

/** No receiver listens there: `monitoring-services` shows that alerts are sent. */
const noReceiver = `http://${controllerAddress}:9/`;

const settings: StackSettings = {
  checks,
  endpointAddresses: {
    gra: { host: "192.168.1.101", port: 9200 },
    bhs: { host: "192.168.2.101", port: 9200 },
  },
  monitoring: {
    section: {
      alerts: { kind: "webhook" },
      plainHttp: true,
      scrapeIntervalMs: 5_000,
      alertDelaysMs: Object.fromEntries(shown.map((alert) => [alert, alertDelayMs])),
    },
    deadMansSwitchUrl: noReceiver,
    alertsUrl: noReceiver,
  },
};

/** Of a fault until its alert, and of a repair until the end of the alert: Elasticsearch starts slowly on two cores. */
const PATIENCE_MS = 240_000;

describe.skipIf(obstacles.length > 0)(`the monitoring of three sites in a lab${reason}`, () => {
  const own = ownLab();
  let system: TwoRegions;
  let prometheus: WitnessPrometheus;
  let traffic: Traffic;

  beforeAll(async () => {
    const lab = await own.start(settings);
    ({ system } = lab);
    prometheus = new WitnessPrometheus(system.hosts);
    traffic = await system.traffic("app-alerts");
    await acknowledged(traffic, 50);
    await untilFollowed(system, lab.questions, "app-alerts");
  }, 900_000);

  afterAll(async () => {
    await traffic?.close();
    await own.remove();
  }, 120_000);

  beforeEach(() => {
    onTestFailed(async () => console.error(await system.watchdogs.describe()));
  });

  const fired = (...alerts: readonly Shown[]) => untilFired(prometheus, alerts, PATIENCE_MS);
  const resolved = (...alerts: readonly Shown[]) => untilResolved(prometheus, alerts, PATIENCE_MS);
  const answered = (...queries: readonly string[]) => untilAnswered(prometheus, queries, PATIENCE_MS);
  /** Powers on what is off of a region's nodes. */
  const startNodes = async (region: Region) => {
    const nodes = await Promise.all(
      (await system.hosts.names(new RegExp(`^${region}-es-`))).map((n) => system.lab.host(n)),
    );
    await Promise.all(nodes.map((node) => (node?.power === "off" ? system.lab.start(node.name) : undefined)));
  };
  const systemctl = async (host: string, ...command: readonly string[]) => {
    const { exitCode, stderr } = await system.hosts.run(host, ["systemctl", ...command]);
    if (exitCode !== 0) throw new Error(`${host}: systemctl ${command.join(" ")}: ${stderr}`);
  };

  test("reads every target, and none of these alerts fires while all is well", { timeout: 300_000 }, async () => {
    await answered("up", "es_failover_ready == 1");
    const jobs = (await prometheus.query("count by (job) (up)")).map(({ labels, value }) => [labels["job"], value]);
    expect(Object.fromEntries(jobs)).toEqual({
      ...{ "es-failover": 3, node: 9, elasticsearch: 6, haproxy: 2, etcd: 3, prometheus: 1, alertmanager: 1 },
    });
    await answered("absent(up == 0)");
    await resolved(...shown);
  });

  test("the loss of a node, then of the whole standby, fires ElasticsearchYellow, RegionUnhealthy, HaproxyBackendDown, NotInSync and NotReady", {
    timeout: 900_000,
  }, async () => {
    const alerts = [
      "EsFailoverRegionUnhealthy",
      "HaproxyBackendDown",
      "EsFailoverNotInSync",
      "EsFailoverNotReady",
    ] as const;
    const [first = "", ...others] = await system.hosts.names(/^bhs-es-/);
    onTestFinished(() => startNodes("bhs"));
    await system.lab.kill(first);
    await fired("ElasticsearchYellow");
    await Promise.all(others.map((node) => system.lab.kill(node)));
    await fired(...alerts);
    const unhealthy = await prometheus.query('ALERTS{alertname="EsFailoverRegionUnhealthy",alertstate="firing"}');
    expect(unhealthy.map(({ labels }) => labels["region"])).toEqual(["bhs"]);

    await startNodes("bhs");
    await resolved("ElasticsearchYellow", ...alerts);
    await system.watchdogs.untilInSync();
  });

  test("etcd without a majority fires StoreDown and NoDecider, and with a watchdog that is stopped NobodyServes and WatchdogDown", {
    timeout: 600_000,
  }, async () => {
    const etcd = new EtcdMembers(system);
    const members = await system.hosts.names(/^(bhs-haproxy|witness)-/);
    const start = async () => {
      await Promise.all(members.map((host) => etcd.start(host)));
      await systemctl("witness-1", "start", "--no-block", "es-failover");
    };
    onTestFinished(start);
    await Promise.all(members.map((host) => etcd.stop(host)));
    await fired("EsFailoverStoreDown", "EsFailoverNoDecider");
    // By failsafe the routers stay open: every watchdog agrees.
    expect(await firingIn(prometheus)).not.toContain("EsFailoverNobodyServes");
    await systemctl("witness-1", "stop", "es-failover");
    await fired("EsFailoverNobodyServes", "EsFailoverWatchdogDown", "HaproxyClosedAnswers");

    await start();
    await resolved("EsFailoverStoreDown", "EsFailoverNoDecider", "EsFailoverNobodyServes", "EsFailoverWatchdogDown");
    await acknowledged(traffic, 20);
    await resolved("HaproxyClosedAnswers");
    await system.watchdogs.untilInSync();
  });

  test("an authority that is still trusted and soon ends fires CertificateEnds until it is taken out", {
    timeout: 300_000,
  }, async () => {
    const host = await system.hosts.router("bhs");
    const file = "/etc/es-failover/ca.crt";
    const { stdout: trusted } = await system.lab.exec(host, ["cat", file]);
    // In one step: the watchdog may read it at any time.
    const install = async (content: string) => {
      const script =
        'cat >"$1.new" && chmod --reference="$1" "$1.new" && chown --reference="$1" "$1.new" && mv "$1.new" "$1"';
      await system.hosts.run(host, ["sh", "-c", script, "install", file], content);
    };
    onTestFinished(() => install(trusted));
    const { certificate } = await createTestAuthority("the authority of before");
    await install(`${trusted.trimEnd()}\n${certificate}`);
    await fired("EsFailoverCertificateEnds");
    const ending = await prometheus.query('ALERTS{alertname="EsFailoverCertificateEnds",alertstate="firing"}');
    expect(ending.map(({ labels }) => [labels["instance"], labels["file"]])).toEqual([[host, file]]);

    await install(trusted);
    await resolved("EsFailoverCertificateEnds");
  });

  test("a failover fires EsFailoverHappened, and AppBehind of an application that is stuck, and shows its epoch and how long writes paused", {
    timeout: 900_000,
  }, async () => {
    const application = await startApplication();
    await answered('es_failover_applications{state="current"} > 0');
    const [before] = await prometheus.query("max(es_failover_epoch)");
    await systemctl(application.host, "kill", "--signal=STOP", application.unit);
    onTestFinished(() => startNodes("gra"));
    const lostAtMs = Date.now();
    await system.hosts.killElasticsearch("gra");
    await fired("EsFailoverHappened", "EsFailoverAppBehind");
    expect(await prometheus.query("max(es_failover_epoch)")).toEqual([{ labels: {}, value: (before?.value ?? 0) + 2 }]);

    // The traffic knows the entry of bhs alone.
    const { fromMs, toMs } = traffic.ledger.longestOutage(lostAtMs, Date.now());
    const query = `es_failover_write_pause_seconds{kind="failover",instance="${await system.hosts.router("bhs")}"}`;
    await answered(query);
    const [pause] = await prometheus.query(query);
    expect(Math.abs((pause?.value ?? 0) - ((toMs ?? Date.now()) - fromMs) / 1_000)).toBeLessThan(1);

    await systemctl(application.host, "kill", "--signal=CONT", application.unit);
    await resolved("EsFailoverAppBehind");
    await startNodes("gra");
    await failBack(system);
    // The last change is a switchover now.
    await resolved("EsFailoverHappened", "EsFailoverNotReady", "EsFailoverNotInSync");
  });

  test("every panel of every dashboard shows something", { timeout: 300_000 }, async () => {
    const panels = dashboards.flatMap(({ rows }) => rows.flatMap((row) => row.panels));
    expect(panels.length).toBeGreaterThan(30);
    await answered(...panels.map(({ query }) => query));
  });

  /** A program with libescluster that writes through the entry of bhs, and follows its endpoint service. */
  async function startApplication(): Promise<{ readonly host: string; readonly unit: string }> {
    const host = await ApplicationHost.prepare(system);
    onTestFinished(() => host.stopAll());
    await host.write("app", `app:${await system.secret("appPassword")}\n`, "0600");
    const service = ["--service", `https://${await host.privateIp()}:9201`, "--ca", caFile, "--application", "orders"];
    await Writer.start(host, "stuck", "app-alerts", ["--credentials-file", `${home}/app`, ...service]);
    return { host: host.name, unit: "ways-stuck" };
  }
});
