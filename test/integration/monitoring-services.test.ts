/** The rendered monitoring in the real Prometheus, Alertmanager and HAProxy. */
import { request } from "node:https";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { exporterRows } from "../../infra/monitoring/dashboards/exporters.ts";
import { existingToolsRoot } from "../../lab/machine/debian-root.ts";
import { eventually } from "../../lab/util/until.ts";
import { messageOf } from "../../watchdog/util/errors.ts";
import { MonitoringServices } from "./support/monitoring-services.ts";

const toolsRoot = await existingToolsRoot();
const reason = toolsRoot === undefined ? " (skipped: the root with Prometheus is not built)" : "";

const answerSchema = z.object({
  data: z.object({ result: z.array(z.object({ metric: z.record(z.string(), z.string()) })) }),
});

describe.skipIf(toolsRoot === undefined)(`Prometheus, Alertmanager and HAProxy as rendered${reason}`, () => {
  let services: MonitoringServices;

  beforeAll(async () => {
    services = await MonitoringServices.start(toolsRoot ?? "", {
      ...{ alerts: { kind: "webhook" }, plainHttp: true, retentionDays: 1, retentionGb: 1 },
      ...{ scrapeIntervalMs: 1_000, alertDelaysMs: { HaproxyBackendDown: 2_000, EsFailoverNoDecider: 2_000 } },
    });
  });
  afterAll(() => services?.stop());

  /** Labels of what a query finds. */
  async function query(expression: string) {
    const answer = await fetch(`${services.prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`);
    return answerSchema.parse(await answer.json()).data.result.map(({ metric }) => metric);
  }

  const within = 60_000;
  const firing = (alert: string) => query(`ALERTS{alertname="${alert}",alertstate="firing"}`);
  const sent = (path: string, matches: RegExp) =>
    services.messages.some((message) => message.path === path && matches.test(message.body));

  test("HAProxy's metrics are read with a certificate of the deployment, under the name of the host, and by no other client", async () => {
    await eventually(
      "Prometheus reads HAProxy",
      within,
      async () => (await query('up{job="haproxy"} == 1')).length === 1,
    );
    expect(await query('up{job="haproxy"}')).toEqual([
      expect.objectContaining({ instance: "gra-haproxy-1", site: "gra" }),
    ]);
    const stranger = new Promise<string>((resolve) => {
      const asked = request(`https://${services.haproxyMetrics}/metrics`, { ca: services.ca }, ({ statusCode }) =>
        resolve(`answered ${statusCode}`),
      );
      asked.on("error", (error) => resolve(messageOf(error)));
      asked.end();
    });
    expect(await stranger).toMatch(/certificate required|ECONNRESET|alert|hang up/);
  });

  test("the panels about HAProxy have data", async () => {
    const panels = exporterRows.find(({ title }) => title === "HAProxy")?.panels ?? [];
    expect(panels.length).toBeGreaterThan(3);
    for (const { title, query: expression } of panels) {
      await eventually(`"${title}" has data`, within, async () => (await query(expression)).length > 0);
    }
  });

  test("the dead-man's switch leaves to its own receiver, and nothing else does", async () => {
    await eventually("the switch arrives", within, () => sent("/switch", /EsFailoverDeadMansSwitch/));
    // No watchdog is here.
    await eventually("an alert arrives", within, () => sent("/alerts", /EsFailoverNoDecider/));
    expect(sent("/switch", /"alertname":"(?!EsFailoverDeadMansSwitch)/)).toBe(false);
    expect(sent("/alerts", /EsFailoverDeadMansSwitch/)).toBe(false);
  }, 180_000);

  test("a backend without a server alarms after the configured delay, and ends with the repair", async () => {
    await eventually(
      "every server is up",
      within,
      async () => (await query("haproxy_backend_active_servers == 3")).length === 2,
    );
    expect(await firing("HaproxyBackendDown")).toEqual([]);
    services.stopNode();
    await eventually("the alert fires for both backends", within, async () => {
      const proxies = (await firing("HaproxyBackendDown")).map(({ proxy }) => proxy);
      return proxies.toSorted().join() === "es_bhs,es_gra";
    });
    await eventually("it is sent", within, () => sent("/alerts", /"status":"firing".*HaproxyBackendDown/));
    await services.startNode();
    await eventually("it ends", within, async () => (await firing("HaproxyBackendDown")).length === 0);
    await eventually("its end is sent", 120_000, () => sent("/alerts", /"status":"resolved".*HaproxyBackendDown/));
  }, 300_000);
});
