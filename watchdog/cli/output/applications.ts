import type { ApplicationsReport } from "../../applications/acknowledgements.ts";
import { count, duration, section } from "../../util/text.ts";

/** More rows would push the rest of the status off the screen. */
const MAX_ROWS = 20;

/** How many instances of each application use the current epoch, and which do not. */
export function applicationsSection(report: ApplicationsReport | null, nowMs: number): string {
  if (report === null || report.instances.length === 0) return "";
  const { epoch, instances } = report;
  const names = [...new Set(instances.map(({ application }) => application))];
  const rows = names.map((name) => {
    const own = instances.filter(({ application }) => application === name);
    const current = own.filter((instance) => !instance.behind).length;
    const total = count(own.length, "instance");
    if (epoch === null) return [name, `${total}; no region serves now`];
    const notified = own.filter((instance) => !instance.behind && !instance.confirmed).length;
    const unconfirmed = notified === 0 ? "" : `, ${notified} of them notified of it without confirming its use`;
    return [name, `${current} of ${total} at epoch ${epoch}${unconfirmed}`];
  });
  const behind = instances.filter((instance) => instance.behind || instance.problem !== null);
  const behindRows = behind
    .slice(0, MAX_ROWS)
    .map(({ application, instance, epoch: used, problem, atMs }) => [
      `${application} ${instance}`,
      used === 0 ? "no epoch" : `epoch ${used}`,
      problem ?? "has not switched yet",
      `reported ${duration(Math.max(0, nowMs - atMs))} ago`,
    ]);
  if (behind.length > MAX_ROWS) behindRows.push([`and ${behind.length - MAX_ROWS} more: status --json`]);
  return [section("Applications", rows), section("On an old epoch, or failing to switch", behindRows)]
    .filter((part) => part !== "")
    .join("\n\n");
}
