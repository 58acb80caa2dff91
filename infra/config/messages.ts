import type { z } from "zod";
import { configNamespace, initKeys, secretKeys, splitAtCommas, stackSchema } from "./schema.ts";

/** Everything that is wrong with a configuration, in sentences; the message lists all of it. */
export class ConfigurationError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      [
        `The configuration has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}:`,
        ...problems.map((problem) => `  - ${problem}`),
        "Values for both regions stand in Pulumi.yaml under `config`, those of one region in Pulumi.<stack>.yaml.",
      ].join("\n"),
    );
    this.name = "ConfigurationError";
    this.problems = problems;
  }
}

const hints: Partial<Record<string, string>> = {
  region: "set the name of this stack's region, such as gra",
  serviceName: "set the ID of your OVHcloud Public Cloud project, 32 hexadecimal digits",
  regions: "set both regions, as in the project's own Pulumi.yaml",
  witness: 'set the third site, such as {"ovhRegion": "DE1", "cidr": "192.168.3.0/24"}, or none',
  adminCidrs: "set the networks you administer from, such as 203.0.113.7/32",
  replication: 'set the indices to replicate, such as {"patterns": ["app-*"]}',
  firstPrimary: "set the region that is active at first, such as gra",
};

/** What `npm run init` makes is missing all at once as a rule, and gets one sentence. */
export function explainAll(issues: readonly z.core.$ZodIssue[], own: Readonly<Record<string, string>>): string[] {
  const absent = initKeys.filter((key) => own[key] === undefined);
  const others = issues.filter(({ path: [top] }) => !(absent as readonly unknown[]).includes(top));
  const uninitialised =
    absent.length === 0
      ? []
      : [
          `${absent.map((key) => keyName([key])).join(", ")} ${absent.length === 1 ? "is" : "are"} missing: ` +
            "run `npm run init`, which creates what must exist before the first `pulumi up`.",
        ];
  return [...others.flatMap((issue) => explain(issue, own)), ...uninitialised];
}

function explain(issue: z.core.$ZodIssue, own: Readonly<Record<string, string>>): string[] {
  if (issue.code === "unrecognized_keys") {
    const known = issue.path.length === 0 ? ` Known keys: ${Object.keys(stackSchema.shape).join(", ")}.` : "";
    return issue.keys.map((key) => `${keyName([...issue.path, key])} is not a key this program knows.${known}`);
  }
  const [top] = issue.path;
  if (typeof top === "string" && own[top] === undefined) {
    return [`${keyName(issue.path)} is missing: ${hints[top] ?? "set it"}.`];
  }
  const shown = secretKeys.includes(String(top)) ? ", a secret" : shownValue(issue.path, own);
  if (shown === missing) return [`${keyName(issue.path)} is missing.`];
  return [`${keyName(issue.path)}${shown}: ${issue.message}.`];
}

export function keyName(path: readonly PropertyKey[]): string {
  const [first, ...rest] = path;
  const tail = rest.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`));
  return `${configNamespace}:${String(first)}${tail.join("")}`;
}

const missing = "";

/** ` is "<value>"` for the value at the path, or `missing`. */
function shownValue(path: readonly PropertyKey[], own: Readonly<Record<string, string>>): string {
  const [top, ...rest] = path;
  const text = own[String(top)] ?? "";
  let value: unknown = text;
  if (rest.length > 0) {
    try {
      value = JSON.parse(text);
    } catch {
      value = splitAtCommas(text);
    }
  }
  for (const part of rest) value = (value as Record<PropertyKey, unknown> | undefined)?.[part];
  return value === undefined ? missing : ` is ${JSON.stringify(value)}`;
}
