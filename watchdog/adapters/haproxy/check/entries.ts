import type { RegionName } from "../../../config/address.ts";
import { backendOf } from "../backend.ts";
import { isOpen, ticketRules, ticketVariable } from "../rules.ts";
import type { Line, Section } from "./configuration.ts";
import { finding, nodesIn, type RoutingExpectation, type RoutingFinding, regionNamed } from "./finding.ts";

/** The routes of a frontend, or of a `listen` in its role as one. */
export function entryFindings(
  entry: Section,
  backends: readonly Section[],
  expected: RoutingExpectation,
): readonly RoutingFinding[] {
  const routes = entry.lines.filter(({ words: [first] }) => first === "use_backend" || first === "default_backend");
  const regions = new Set(routes.flatMap(({ words }) => regionNamed(words[1], expected) ?? []));
  return [
    ...routes.flatMap((line) => routeFinding(entry, line, backends, expected) ?? []),
    ...(regions.size === 0 ? [] : (tcpFinding(entry) ?? ticketFindings(entry, [...regions], expected))),
  ];
}

function routeFinding(
  entry: Section,
  line: Line,
  backends: readonly Section[],
  expected: RoutingExpectation,
): RoutingFinding | null {
  const [keyword, target = "", ...condition] = line.words;
  if (/%\[|\$/.test(target)) {
    if (Object.keys(expected.nodes).every((region) => demandsTicket(condition, region, entry))) return null;
    const what = `${keyword} ${target} chooses its backend at run time, and may choose a region's: name each backend`;
    return finding("around", entry, what, line);
  }
  const region = regionNamed(target, expected);
  if (region !== null) {
    if (keyword === "use_backend" && demandsTicket(condition, region, entry)) return null;
    const rule = `use_backend ${target} if ${isOpen(region)}`;
    const what = `\`${line.words.join(" ")}\` sends requests to ${region} without a valid ticket: write \`${rule}\``;
    return finding("around", entry, what, line);
  }
  const nodes = nodesIn(backends.find(({ name }) => name === target) ?? { ...entry, lines: [] }, expected);
  if (nodes === "") return null;
  const what = `\`${keyword} ${target}\` leads to ${nodes} without a ticket: use ${regionBackends(expected)} in its place`;
  return finding("around", entry, what, line);
}

export const regionBackends = ({ nodes }: RoutingExpectation): string =>
  Object.keys(nodes).map(backendOf).join(" and ");

/** Whether a condition holds only with a valid ticket of the region: `if …`, with the ticket in each alternative. */
function demandsTicket([keyword, ...terms]: readonly string[], region: RegionName, entry: Section): boolean {
  if (keyword !== "if") return false;
  // A `!` may be apart from what it negates.
  const text = terms.join(" ").replaceAll(/! +/g, "!");
  const names = ticketAcls(region, entry);
  return text.split(/ (?:\|\||or) /).every((alternative) => {
    const before = alternative.split(isOpen(region)).slice(0, -1);
    return before.some((part) => !part.endsWith("!")) || alternative.split(" ").some((word) => names.includes(word));
  });
}

/** Names of access lists of the frontend that hold with the ticket alone: one of several definitions is enough for it to hold. */
function ticketAcls(region: RegionName, { lines }: Section): readonly string[] {
  const definition = isOpen(region).slice(2, -2);
  const acls = lines.filter(({ words: [first] }) => first === "acl");
  const names = new Set(acls.map(({ words }) => words[1] ?? ""));
  return [...names].filter((name) =>
    acls.filter(({ words }) => words[1] === name).every(({ words }) => words.slice(2).join(" ") === definition),
  );
}

function tcpFinding(entry: Section): readonly RoutingFinding[] | null {
  const mode = entry.lines.findLast(({ words: [first] }) => first === "mode");
  if (mode?.words[1] !== "tcp") return null;
  const what =
    "the ticket is read for each request, which HAProxy sees in mode http alone: it stays closed in mode tcp";
  return [finding("broken", entry, what, mode)];
}

/** The rules that read the ticket: all there, in order, and the only ones that set their variables. */
function ticketFindings(
  entry: Section,
  regions: readonly RegionName[],
  { ticketMapFile }: RoutingExpectation,
): readonly RoutingFinding[] {
  const rules = ticketRules(regions, ticketMapFile);
  const setters = ["txn.now", ...regions.map(ticketVariable)].map(
    (variable) => new RegExp(`set-var(?:-fmt)?\\(${variable.replaceAll(".", "\\.")}[,)]`),
  );
  const texts = entry.lines.map(({ words }) => words.join(" "));
  const others = entry.lines.filter((_, position) => {
    const text = texts[position] ?? "";
    return !rules.includes(text) && setters.some((setter) => setter.test(text));
  });
  const missing = rules.filter((rule) => !texts.includes(rule));
  const [time = "", ...tickets] = rules;
  const early = tickets.find((ticket) => texts.includes(ticket) && texts.indexOf(ticket) < texts.indexOf(time));
  return [
    ...others.map((line) =>
      finding("around", entry, `\`${line.words.join(" ")}\` replaces what the ticket's rules set: remove it`, line),
    ),
    ...missing.map((rule) => finding("broken", entry, `it stays closed without \`${rule}\``)),
    ...(early === undefined
      ? []
      : [finding("broken", entry, `it stays closed unless \`${time}\` comes before \`${early}\``)]),
  ];
}
