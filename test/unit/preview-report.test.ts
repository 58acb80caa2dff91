import { describe, expect, test, vi } from "vitest";
import { preview } from "../../infra/preview/main.ts";
import { renderMarkdown, renderText } from "../../infra/preview/render.ts";
import { disturbedDataHosts, readReport } from "../../infra/preview/report.ts";

const urn = (type: string, name: string) => `urn:pulumi:gra::es-failover::es-failover:index:Region$${type}::${name}`;
const [instance, volume, command] = [
  "ovh:index/cloudInstance:CloudInstance",
  "ovh:index/cloudStorageBlockVolume:CloudStorageBlockVolume",
  "command:remote:Command",
];

const step = (op: string, type: string, name: string, extra: object = {}) => ({
  resourcePreEvent: {
    metadata: { op, type, urn: urn(type, name), old: { custom: true }, new: { custom: true }, ...extra },
  },
});
const summary = { summaryEvent: { resourceChanges: {}, PolicyPacks: { "es-failover|local|/x/policy": "0.1.0" } } };
const report = (...events: readonly object[]) =>
  readReport("gra", events.map((event) => JSON.stringify(event)).join("\n"));

const changes = report(
  { preludeEvent: { config: {} } },
  step("same", "es-failover:index:Region", "gra", { old: { custom: false }, new: { custom: false } }),
  step("create", "pulumi:providers:ovh", "default"),
  step("same", volume, "gra-es-1-data"),
  step("update", command, "gra-es-1-roll", { diffs: ["create", "stdin"] }),
  step("delete-replaced", instance, "gra-es-1", { new: null }),
  step("create-replacement", instance, "gra-es-1", { keys: ["region"] }),
  step("replace", instance, "gra-es-1", { keys: ["region"] }),
  step("update", instance, "gra-es-2", { diffs: ["flavorId"] }),
  step("delete", volume, "gra-es-3-data", { new: null }),
  ...[1, 2, 3, 4, 5, 6, 7].map((n) => step("create", command, `gra-es-4-step-${n}`, { old: null })),
  summary,
);

describe("the summary of a preview", () => {
  test("names what is lost first, what changes with its properties, and counts what is created", () => {
    expect(renderText(changes)).toBe(`gra: 7 created, 2 changed, 1 replaced, 1 deleted, 1 unchanged
  LOSES DATA deleted  ovh:CloudStorageBlockVolume  gra-es-3-data
  LOSES DATA replaced  ovh:CloudInstance  gra-es-1 (region)
  changed  command:remote:Command  gra-es-1-roll (create, stdin)
  changed  ovh:CloudInstance  gra-es-2 (flavorId)
  created  command:remote:Command  gra-es-4-step-1, gra-es-4-step-2, gra-es-4-step-3, gra-es-4-step-4, gra-es-4-step-5, gra-es-4-step-6 and 1 more
  policies: all kept (es-failover 0.1.0)
`);
  });

  test("a stack that stays as it is has nothing to do", () => {
    expect(renderText(report(step("same", volume, "gra-es-1-data"), summary))).toMatch(/^gra: 1 unchanged\n/);
    expect(renderText(report(summary))).toMatch(/^gra: nothing to do\n/);
  });

  test("violated policies are listed with the resource, without the purpose that the engine puts before the message", () => {
    const policyEvent = {
      resourceUrn: urn(instance, "gra-es-1"),
      message: "Hosts are protected.\ngra-es-1 is not | protected.\n",
      policyName: "hosts-are-protected",
      enforcementLevel: "mandatory",
    };
    const judged = report({ policyEvent }, { policyEvent: { ...policyEvent, enforcementLevel: "advisory" } }, summary);
    expect(renderText(judged)).toContain(
      "policies: 1 violated, 1 advisory (es-failover 0.1.0)\n    violated  hosts-are-protected at gra-es-1: gra-es-1 is not | protected.\n    advisory  hosts-",
    );
    expect(renderMarkdown(judged)).toContain(
      "- **violated**: hosts-are-protected at gra-es-1: gra-es-1 is not &#124; protected.",
    );
  });

  test("a failed preview gives its errors, without the engine's own last word, and claims nothing about policies", () => {
    const said = (message: string, severity = "error") => ({ diagnosticEvent: { message, severity } });
    const failed = report(
      said("<{%fg 1%}>no such flavor<{%reset%}>\n"),
      said("preview failed"),
      said("slow", "warning"),
    );
    expect(failed.errors).toEqual(["no such flavor"]);
    expect(renderText(failed)).toBe(
      "gra: nothing to do\n  ERROR  no such flavor\n  policies: not checked, as the preview did not get that far\n",
    );
  });

  test("as Markdown, it is a table", () => {
    expect(renderMarkdown(changes, ["not compared with bhs"]).split("\n").slice(0, 6)).toEqual([
      "### `gra`: 7 created, 2 changed, 1 replaced, 1 deleted, 1 unchanged",
      "",
      "| | type | resources |",
      "|---|---|---|",
      "| **loses data**: deleted | `ovh:CloudStorageBlockVolume` | gra-es-3-data |",
      "| **loses data**: replaced | `ovh:CloudInstance` | gra-es-1 (region) |",
    ]);
    expect(renderMarkdown(changes, ["not compared with bhs"])).toContain("_not compared with bhs_");
  });

  test("data hosts that go down are those replaced, deleted or resized, each once", () => {
    expect(disturbedDataHosts(changes)).toEqual(["gra-es-1", "gra-es-2", "gra-es-3"]);
  });
});

test.each([
  [["gar"], "There is no Pulumi.gar.yaml: name one or more of bhs, gra, witness, or all."],
  [[], "No stack is named: name one or more of bhs, gra, witness, or all."],
  [["gra", "--markdwon", "x"], "Unknown option '--markdwon'"],
])("a wrong command line (%j) is refused with status 2 before anything runs", async (args, message) => {
  const said = vi.spyOn(console, "error").mockReturnValue();
  expect(await preview(args, () => Promise.reject(new Error("ran")))).toBe(2);
  expect(said.mock.lastCall?.[0]).toContain(message);
  said.mockRestore();
});
