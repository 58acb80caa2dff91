import type { ApplicationsReport } from "../../applications/acknowledgements.ts";
import { count, duration, section } from "../../util/text.ts";

/** Rows that are shown; more would push the rest of the status off the screen. */
const SHOWN = 20;

/** How many instances of each application use the present epoch, and who still sits on an old one. */
export function applicationsSection(report: ApplicationsReport | null, nowMs: number): string {
  if (report === null || report.instances.length === 0) return "";
  const { epoch, instances } = report;
  const names = [...new Set(instances.map(({ application }) => application))];
  const rows = names.map((name) => {
    const own = instances.filter(({ application }) => application === name);
    const current = own.filter(({ behind }) => !behind).length;
    const use = epoch === null ? `${count(own.length, "instance")}; no region serves now` : `epoch ${epoch}`;
    return [name, epoch === null ? use : `${current} of ${count(own.length, "instance")} at ${use}`];
  });
  const trouble = instances.filter(({ behind, problem }) => behind || problem !== null);
  const stragglers = trouble.slice(0, SHOWN).map(({ application, instance, epoch: used, problem, atMs }) => {
    const heard = `heard ${duration(Math.max(0, nowMs - atMs))} ago`;
    return [
      `${application} ${instance}`,
      used === 0 ? "no epoch" : `epoch ${used}`,
      problem ?? "has not followed",
      heard,
    ];
  });
  if (trouble.length > SHOWN) stragglers.push([`and ${trouble.length - SHOWN} more: status --json`]);
  return [section("Applications", rows), section("Still on an old epoch, or in trouble", stragglers)]
    .filter((part) => part !== "")
    .join("\n\n");
}
