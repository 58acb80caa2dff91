import type { Operation, PolicyFinding, PreviewReport, ResourceChange } from "./report.ts";

/** A preview's summary for people: on a terminal, and as Markdown for a comment on a pull request. */

const words: Readonly<Record<Operation, string>> = {
  create: "created",
  change: "changed",
  replace: "replaced",
  delete: "deleted",
};
/** What destroys something comes first. */
const order: readonly Operation[] = ["delete", "replace", "change", "create"];

/** Names of one kind that a line lists. */
const listed = 6;

interface Row {
  readonly operation: Operation;
  readonly type: string;
  readonly names: string;
  readonly isLoss: boolean;
}

const lossTypes: readonly string[] = ["ovh:CloudInstance", "ovh:CloudStorageBlockVolume"];

/** Hosts and volumes that are deleted or replaced go with what is on them. */
const isLoss = ({ operation, type }: ResourceChange): boolean =>
  (operation === "delete" || operation === "replace") && lossTypes.includes(type);

/** What is created is counted by type; of the rest each is named, with what differs. */
function rowsOf({ changes }: PreviewReport): readonly Row[] {
  const groups = Map.groupBy(changes, ({ operation, type }) => `${operation} ${type}`);
  return [...groups.values()]
    .flatMap((among) => {
      const [first] = among;
      if (first === undefined) return [];
      const named = among.map(({ name, properties }) =>
        properties.length === 0 ? name : `${name} (${properties.join(", ")})`,
      );
      const isAll = first.operation !== "create" || named.length <= listed;
      const names = isAll ? named.join(", ") : `${named.slice(0, listed).join(", ")} and ${named.length - listed} more`;
      return [{ operation: first.operation, type: first.type, names, isLoss: isLoss(first) }];
    })
    .sort((a, b) => order.indexOf(a.operation) - order.indexOf(b.operation) || a.type.localeCompare(b.type));
}

/** "104 created, 2 changed, 90 unchanged" */
function countsOf({ changes, unchanged }: PreviewReport): string {
  const counts = order.toReversed().map((operation) => {
    const count = changes.filter((change) => change.operation === operation).length;
    return count === 0 ? [] : [`${count} ${words[operation]}`];
  });
  const all = [...counts.flat(), ...(unchanged === 0 ? [] : [`${unchanged} unchanged`])];
  return all.length === 0 ? "nothing to do" : all.join(", ");
}

function policyLine({ findings, packs, errors }: PreviewReport): string {
  const names = Object.entries(packs).map(([name, version]) => `${name} ${version}`);
  if (names.length === 0) return "policies: not checked, as the preview did not get that far";
  const mandatory = findings.filter(({ isMandatory }) => isMandatory).length;
  const advisory = findings.length - mandatory;
  if (findings.length > 0) return `policies: ${mandatory} violated, ${advisory} advisory (${names.join(", ")})`;
  return `policies: ${errors.length > 0 ? "none violated as far as the preview got" : "all kept"} (${names.join(", ")})`;
}

const findingText = ({ rule, resource, message }: PolicyFinding): string =>
  `${rule}${resource === undefined ? "" : ` at ${resource}`}: ${message}`;

export function renderText(report: PreviewReport, notes: readonly string[] = []): string {
  const rows = rowsOf(report).map(
    (row) => `  ${row.isLoss ? "LOSES DATA " : ""}${words[row.operation]}  ${row.type}  ${row.names}`,
  );
  return [
    `${report.stack}: ${countsOf(report)}`,
    ...rows,
    ...report.errors.map((error) => `  ERROR  ${error.replaceAll("\n", "\n         ")}`),
    `  ${policyLine(report)}`,
    ...report.findings.map((item) => `    ${item.isMandatory ? "violated" : "advisory"}  ${findingText(item)}`),
    ...notes.map((note) => `  note: ${note}`),
    "",
  ].join("\n");
}

/** A pipe would end the cell of a table; a message is no markup. */
const cell = (text: string): string =>
  text.replaceAll(/[|<>]/g, (sign) => `&#${sign.charCodeAt(0)};`).replaceAll("\n", " ");

export function renderMarkdown(report: PreviewReport, notes: readonly string[] = []): string {
  const rows = rowsOf(report).map(
    ({ operation, type, names, isLoss: loses }) =>
      `| ${loses ? "**loses data**: " : ""}${words[operation]} | \`${type}\` | ${cell(names)} |`,
  );
  const findings = report.findings.map(
    (item) => `- ${item.isMandatory ? "**violated**" : "advisory"}: ${cell(findingText(item))}`,
  );
  return [
    `### \`${report.stack}\`: ${countsOf(report)}`,
    "",
    ...(rows.length === 0 ? [] : ["| | type | resources |", "|---|---|---|", ...rows, ""]),
    ...report.errors.flatMap((error) => ["```", error.replaceAll("```", "'''"), "```", ""]),
    `${policyLine(report)}`,
    ...(findings.length === 0 ? [] : ["", ...findings]),
    ...notes.map((note) => `\n_${cell(note)}_`),
    "",
  ].join("\n");
}
