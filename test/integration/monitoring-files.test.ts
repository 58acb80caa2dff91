/** What provisioning renders for Prometheus and Alertmanager, in the judgement of their own tools. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { Monitoring } from "../../infra/config/monitoring.ts";
import { dashboards } from "../../infra/monitoring/dashboards.ts";
import { configureInput } from "../../infra/monitoring/host-files.ts";
import { planTopology } from "../../infra/topology/plan.ts";
import { existingToolsRoot } from "../../lab/machine/debian-root.ts";
import { toolsCommand } from "../../lab/machine/tools-command.ts";
import { outcomeOf } from "../../lab/util/run.ts";
import { monitoringChanges, testConfig } from "../unit/infra-fixtures.ts";

const toolsRoot = await existingToolsRoot();
const reason = toolsRoot === undefined ? " (skipped: the root with promtool and amtool is not built)" : "";

describe.skipIf(toolsRoot === undefined)(`the rendered monitoring${reason}`, () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "es-failover-monitoring-"));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  async function judged(...argv: readonly string[]) {
    const [command = "", ...args] = toolsCommand(toolsRoot ?? "", [...argv], [directory]);
    const { exitCode, stdout, stderr } = await outcomeOf(command, args);
    return { exitCode, stdout, output: stdout + stderr };
  }

  /** Writes the witness's files below a directory of this test, to which their paths are moved. */
  async function written(alerts: Monitoring["alerts"]): Promise<string> {
    const config = testConfig(monitoringChanges);
    const topology = planTopology(config);
    const host = topology.hosts.find(({ role }) => role === "witness");
    if (host === undefined || config.monitoring === null) throw new Error("the fixture has a witness and monitoring");
    const monitoring = { ...config.monitoring, alerts, alertDelaysMs: { EsFailoverTwoWriters: 1_500 } };
    const root = path.join(directory, alerts.kind);
    const secrets = { deadMansSwitchUrl: "https://switch.example.com/", alertsSecret: "https://alerts.example.com/" };
    const tls = { ca: "", certificate: "", privateKey: "" };
    const { files } = JSON.parse(configureInput({ host, topology, monitoring }, tls, secrets));
    for (const file of files) {
      const target = path.join(root, file.path);
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, file.content.replaceAll("/etc/prometheus/", path.join(root, "/etc/prometheus/")));
    }
    return path.join(root, "etc", "prometheus");
  }

  const mail = { to: "on-call@example.com", from: "es@example.com", smarthost: "mail.example.com:587" };
  test.each<[string, Monitoring["alerts"]]>([
    ["a webhook", { kind: "webhook" }],
    ["Slack", { kind: "slack" }],
    ["mail", { kind: "email", ...mail, username: 'es "quoted"' }],
  ])("passes promtool and amtool, with alerts by %s", async (_what, alerts) => {
    const etc = await written(alerts);
    expect(await judged("promtool", "check", "config", path.join(etc, "prometheus.yml"))).toMatchObject({
      exitCode: 0,
      output: expect.stringContaining("SUCCESS"),
    });
    expect(await judged("amtool", "check-config", path.join(etc, "alertmanager.yml"))).toMatchObject({
      exitCode: 0,
      output: expect.stringContaining("2 receivers"),
    });
  });

  test("sends each alert to its receiver", async () => {
    const file = path.join(await written({ kind: "webhook" }), "alertmanager.yml");
    const receiverOf = async (alert: string) =>
      (await judged("amtool", "config", "routes", "test", `--config.file=${file}`, `alertname=${alert}`)).stdout.trim();
    expect(await receiverOf("EsFailoverDeadMansSwitch")).toBe("dead-mans-switch");
    expect(await receiverOf("EsFailoverNotReady")).toBe("alerts");
  });

  test("has dashboards whose every query Prometheus understands", async () => {
    const panels = dashboards.flatMap(({ rows }) => rows.flatMap((row) => row.panels));
    const rules = panels.map(({ query }, index) => ({ record: `panel:${index}`, expr: query }));
    const file = path.join(directory, "panels.yml");
    await writeFile(file, stringify({ groups: [{ name: "panels", rules }] }));
    expect(await judged("promtool", "check", "rules", file)).toMatchObject({
      exitCode: 0,
      output: expect.stringContaining(`SUCCESS: ${panels.length} rules found`),
    });
  });
});
