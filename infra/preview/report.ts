import { z } from "zod";

/** What a preview would do to a stack, from the engine's event log (an object per line). */

export type Operation = "create" | "change" | "replace" | "delete";

export interface ResourceChange {
  readonly operation: Operation;
  /** "ovh:CloudInstance" */
  readonly type: string;
  readonly name: string;
  /** Properties that differ, where something changes that exists. */
  readonly properties: readonly string[];
}

export interface PolicyFinding {
  readonly rule: string;
  readonly isMandatory: boolean;
  /** Absent: the stack as a whole. */
  readonly resource?: string;
  readonly message: string;
}

export interface PreviewReport {
  readonly stack: string;
  readonly changes: readonly ResourceChange[];
  /** Resources that stay as they are. */
  readonly unchanged: number;
  readonly findings: readonly PolicyFinding[];
  /** Packs that were run, by name, with their versions. */
  readonly packs: Readonly<Record<string, string>>;
  /** Why the preview failed, apart from policies; empty where it did not. */
  readonly errors: readonly string[];
}

const state = z.object({ custom: z.boolean().default(false) }).nullish();
const eventSchema = z.object({
  resourcePreEvent: z
    .object({
      metadata: z.object({
        op: z.string(),
        urn: z.string(),
        type: z.string(),
        old: state,
        new: state,
        diffs: z.array(z.string()).nullish(),
        keys: z.array(z.string()).nullish(),
      }),
    })
    .optional(),
  policyEvent: z
    .object({
      resourceUrn: z.string().optional(),
      message: z.string(),
      policyName: z.string(),
      enforcementLevel: z.string(),
    })
    .optional(),
  diagnosticEvent: z.object({ message: z.string(), severity: z.string(), urn: z.string().optional() }).optional(),
  summaryEvent: z
    .object({
      resourceChanges: z.record(z.string(), z.number()).nullish(),
      PolicyPacks: z.record(z.string(), z.string()).nullish(),
    })
    .optional(),
});
type Event = z.output<typeof eventSchema>;
type Step = NonNullable<Event["resourcePreEvent"]>["metadata"];

export function readReport(stack: string, eventLog: string): PreviewReport {
  const events = eventLog
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => eventSchema.parse(JSON.parse(line)));
  const steps = events.flatMap(({ resourcePreEvent }) => resourcePreEvent?.metadata ?? []);
  const summary = events.findLast(({ summaryEvent }) => summaryEvent !== undefined)?.summaryEvent;
  return {
    stack,
    changes: changesOf(steps),
    unchanged: steps.filter((step) => step.op === "same" && isMade(step)).length,
    findings: events.flatMap(({ policyEvent }) => (policyEvent === undefined ? [] : [finding(policyEvent)])),
    packs: Object.fromEntries(
      // A local pack is called name|local|path.
      Object.entries(summary?.PolicyPacks ?? {}).map(([name, version]) => [name.split("|")[0] ?? name, version]),
    ),
    errors: events.flatMap(({ diagnosticEvent }) => errorText(diagnosticEvent)),
  };
}

/** Components and the engine's own resources are made of nothing. */
const isMade = ({ type, old, new: next }: Step): boolean =>
  !type.startsWith("pulumi:") && (next?.custom ?? old?.custom ?? false);

/** A replacement has several steps; it is one change. */
const operations: Readonly<Record<string, Operation>> = {
  create: "create",
  update: "change",
  replace: "replace",
  "create-replacement": "replace",
  "delete-replaced": "replace",
  delete: "delete",
};

function changesOf(steps: readonly Step[]): readonly ResourceChange[] {
  const changes = new Map<string, ResourceChange>();
  for (const step of steps.filter(isMade)) {
    const operation = operations[step.op];
    const known = changes.get(step.urn);
    if (operation === undefined) continue;
    const { type, name } = shortNames(step.urn);
    const differing = operation === "create" ? [] : (step.keys ?? step.diffs ?? []);
    const properties = [...new Set([...(known?.properties ?? []), ...differing])];
    changes.set(step.urn, {
      operation: known?.operation === "replace" ? "replace" : operation,
      type,
      name,
      properties,
    });
  }
  return [...changes.values()].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
}

/** "urn:pulumi:gra::project::parent$ovh:index/cloudInstance:CloudInstance::gra-es-1" is ovh:CloudInstance gra-es-1. */
function shortNames(urn: string): { readonly type: string; readonly name: string } {
  const [, , types = "", ...name] = urn.split("::");
  const parts = types.split("$").at(-1)?.split(":") ?? [];
  const pkg = parts[0] ?? "";
  const module = parts[1]?.split("/")[0] ?? "";
  const type = [pkg, ...(module === "index" || module === "" ? [] : [module]), parts.at(-1) ?? ""].join(":");
  return { type, name: name.join("::") };
}

function finding(event: NonNullable<Event["policyEvent"]>): PolicyFinding {
  // The engine puts the rule's purpose before the message, on a line of its own.
  const lines = event.message.trim().split("\n");
  const resource = event.resourceUrn === undefined ? undefined : shortNames(event.resourceUrn);
  return {
    rule: event.policyName,
    isMandatory: event.enforcementLevel === "mandatory",
    ...(resource === undefined || resource.type === "pulumi:pulumi:Stack" ? {} : { resource: resource.name }),
    message: (lines.length > 1 ? lines.slice(1) : lines).join("\n"),
  };
}

function errorText(event: Event["diagnosticEvent"]): readonly string[] {
  if (event?.severity !== "error") return [];
  const message = event.message.replaceAll(/<\{%[^%]*%\}>/g, "").trim();
  // The engine's own last word, whatever the reason was.
  return message === "" || message === "preview failed" ? [] : [message];
}

/** Data hosts that a change takes down: their instances or volumes are replaced, deleted or resized. */
export function disturbedDataHosts({ changes }: PreviewReport): readonly string[] {
  const names = changes
    .filter(({ type }) => type === "ovh:CloudInstance" || type === "ovh:CloudStorageBlockVolume")
    .filter(
      ({ operation, properties }) =>
        operation === "replace" ||
        operation === "delete" ||
        (operation === "change" && properties.includes("flavorId")),
    )
    .flatMap(({ name }) => /^(.+-es-\d+)(?:-data)?$/.exec(name)?.[1] ?? []);
  return [...new Set(names)];
}
