import type { AdoptionPlan } from "../../adoption/plan.ts";
import type { ClusterRequest } from "../../adoption/requests.ts";
import { count, indent } from "../../util/text.ts";

/** What `es-failover init` shows before it asks. */
export function formatAdoption(
  { active, takenOver, requests, notices, inTheWay }: AdoptionPlan,
  files: readonly string[],
): string {
  const list = (title: string, sentences: readonly string[]) =>
    sentences.length === 0 ? [] : [`${title}\n${sentences.map((sentence) => `  - ${sentence}`).join("\n")}`];
  return [
    active === null ? "Which region serves cannot be told." : `${active} serves; the other region is its standby.`,
    ...list("Taken over as it is:", takenOver),
    ...list(
      "To be made:",
      requests.map(({ region, method, path, why }) => `${region}: ${why} (${method} ${path})`),
    ),
    ...list("To be written:", files),
    ...list("To know:", notices),
    ...list("In the way:", inTheWay),
  ].join("\n\n");
}

/** Requests as Kibana's console and curl take them. A password is left to be filled in. */
export function formatRequests(requests: readonly ClusterRequest[]): string {
  const regions = [...new Set(requests.map(({ region }) => region))];
  return regions
    .map((region) => {
      const own = requests.filter((request) => request.region === region);
      return [`# ${region}: ${count(own.length, "request")}`, ...own.map(formatRequest)].join("\n\n");
    })
    .join("\n\n");
}

function formatRequest({ method, path, body, passwordOf, why }: ClusterRequest): string {
  const shown = passwordOf === undefined ? body : { password: "<the content of its password file>", ...body };
  return `# ${why}\n${method} ${path}\n${JSON.stringify(shown, null, 2)}`;
}

export const formatEtcd = (commands: readonly string[]): string =>
  commands.length === 0
    ? ""
    : `For etcd, by its user root, unless the watchdogs' user is there already:\n${indent(commands.join("\n"))}`;
