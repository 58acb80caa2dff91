import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { ruleFiles as ruleTexts } from "../../infra/monitoring/alert-rules.ts";
import { existingToolsRoot } from "../../lab/machine/debian-root.ts";
import { toolsCommand } from "../../lab/machine/tools-command.ts";
import { outcomeOf } from "../../lab/util/run.ts";
import { metricGroups } from "../../watchdog/metrics/catalogue.ts";
import { type AlertCase, alertCases, type Values } from "./support/alert-cases.ts";

const root = path.join(import.meta.dirname, "..", "..");
const rulesDirectory = path.join(root, "monitoring", "rules");

const rulesSchema = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[smh]$/)
            .default("0s"),
          labels: z.strictObject({ severity: z.enum(["none", "warning", "critical"]) }),
          annotations: z.strictObject({
            summary: z.string().min(1),
            description: z.string().min(1),
            runbook_url: z.string(),
          }),
        }),
      ),
    }),
  ),
});

const ruleFiles = Object.keys(ruleTexts()).map((name) => path.join(rulesDirectory, name));
const rules = Object.values(ruleTexts()).flatMap((text) =>
  rulesSchema.parse(parse(text)).groups.flatMap((group) => group.rules),
);
type AlertRule = (typeof rules)[number];

const toolsRoot = await existingToolsRoot();
const reason = toolsRoot === undefined ? " (skipped: the root with promtool is not built)" : "";

/** Minutes of a duration such as "30s" or "4h". */
function minutesOf(duration: string): number {
  const perUnit = { s: 1 / 60, m: 1, h: 60 }[duration.slice(-1)];
  if (perUnit === undefined) throw new Error(`${duration} is no duration`);
  return Number(duration.slice(0, -1)) * perUnit;
}

describe("every alert", () => {
  test("has a section of its name in the runbook", async () => {
    const runbook = await readFile(path.join(root, "docs", "runbook.md"), "utf8");
    const headings = [...runbook.matchAll(/^### (\S+)$/gm)].map(([, name]) => name);
    expect(headings.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
    for (const { alert, annotations } of rules) {
      expect(annotations.runbook_url).toBe(`docs/runbook.md#${alert.toLowerCase()}`);
    }
  });

  test("uses metrics that exist, with labels that they have", () => {
    const metrics = new Map(
      Object.values(metricGroups)
        .flat()
        .map((metric) => [metric.name, metric]),
    );
    for (const { alert, expr } of rules) {
      for (const [, name = "", selector = ""] of expr.matchAll(/(es_failover_[a-z_]+)(?:\{([^}]*)\})?/g)) {
        const metric = metrics.get(name);
        expect(metric, `${alert} uses ${name}`).toBeDefined();
        const labels = [...selector.matchAll(/(\w+)=/g)].map(([, label]) => label);
        expect(metric?.labels, alert).toEqual(expect.arrayContaining(labels));
      }
    }
  });

  test("is shown with a fault, apart from the one that always fires", () => {
    const names = rules.filter(({ labels }) => labels.severity !== "none").map(({ alert }) => alert);
    expect(Object.keys(alertCases).toSorted()).toEqual(names.toSorted());
  });
});

describe.skipIf(toolsRoot === undefined)(`alerts in the real promtool${reason}`, () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "es-failover-alerts-"));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const promtool = async (...args: string[]) => {
    const [command = "", ...rest] = toolsCommand(toolsRoot ?? "", ["promtool", ...args], [root, directory]);
    const { exitCode, stdout, stderr } = await outcomeOf(command, rest);
    return { exitCode, output: stdout + stderr };
  };

  test("are valid rules", async () => {
    expect(await promtool("check", "rules", ...ruleFiles)).toMatchObject({ exitCode: 0 });
  });

  test("fire when the fault has lasted, not before, and stop after the repair", async () => {
    const tests = rules.flatMap((rule) => {
      const shown = alertCases[rule.alert];
      return shown === undefined ? [] : [unitTest(rule, shown)];
    });
    // Hours every 15 s would take promtool half a minute.
    const isLong = ({ minutes }: (typeof tests)[number]) => minutes > 60;
    const outcomes = await Promise.all([
      run(
        "15s",
        tests.filter((one) => !isLong(one)),
      ),
      run("1m", tests.filter(isLong)),
    ]);
    for (const { exitCode, output } of outcomes) expect(exitCode, output).toBe(0);
  }, 300_000);

  async function run(evaluation_interval: string, tests: readonly ReturnType<typeof unitTest>[]) {
    const file = path.join(directory, `alerts-${evaluation_interval}.yml`);
    const content = { rule_files: ruleFiles, evaluation_interval, tests: tests.map(({ content }) => content) };
    await writeFile(file, stringify(content));
    return promtool("test", "rules", file);
  }
});

/** Samples every 15 s. */
const PER_MINUTE = 4;

function unitTest({ alert, for: pending }: AlertRule, shown: AlertCase) {
  const { series, count = 1, holdsMinutes = 1, lastsMinutes = 2 } = shown;
  const pendingMinutes = minutesOf(pending);
  const faultMinutes = pendingMinutes + lastsMinutes;
  const repairedMinutes = holdsMinutes + 2;
  const firing = (atMinutes: number, value: number) => ({
    expr: `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`,
    eval_time: `${Math.round(atMinutes * 60)}s`,
    exp_samples: [{ labels: "{}", value }],
  });
  const content = {
    interval: "15s",
    name: alert,
    input_series: Object.entries(series).map(([name, [fault, repaired]]) => ({
      series: name,
      values: `${samples(fault, faultMinutes)} ${samples(repaired, repairedMinutes)}`,
    })),
    promql_expr_test: [
      ...(pendingMinutes === 0 ? [] : [firing(pendingMinutes / 2, 0)]),
      firing(faultMinutes - 0.5, count),
      firing(faultMinutes + repairedMinutes - 0.5, 0),
    ],
  };
  return { content, minutes: faultMinutes + repairedMinutes };
}

/** In promtool's notation. */
function samples(values: Values, minutes: number): string {
  const more = minutes * PER_MINUTE - 1;
  // As a scrape marks a series that its target does not have any more.
  if (values === "absent") return `stale _x${more}`;
  if (typeof values === "number") return `${values}x${more}`;
  const [from, perMinute] = values;
  return `${from}+${perMinute / PER_MINUTE}x${more}`;
}
