import { spaceWarning } from "../../core/state/store-space.ts";
import { type Check, fail, ok, warn } from "./check.ts";
import type { PreflightFindings } from "./findings.ts";

/** Whether etcd has a quorum, and whether it survives the loss of a member. */
export function store({ storeMembers }: PreflightFindings): Check {
  const check = "store";
  if (storeMembers === null) {
    return warn(
      check,
      "a file on this host: the only watchdog is lost together with its region",
      "use etcd in both regions and on a witness to have no single point of failure",
    );
  }
  const healthy = storeMembers.filter(({ problem }) => problem === null);
  const problems = storeMembers.flatMap(({ endpoint, problem }) =>
    problem === null ? [] : [`; ${endpoint}: ${problem}`],
  );
  const found = `${healthy.length} of ${storeMembers.length} members of etcd are healthy${problems.join("")}`;
  if (storeMembers.some(({ full }) => full)) {
    const advice = "run `sudo es-failover etcd defragment` on a member's host: until then nothing is decided";
    return fail(check, `etcd's quota is reached, so it takes no write: ${found}`, advice);
  }
  const quorum = Math.floor(storeMembers.length / 2) + 1;
  if (healthy.length < quorum) {
    return fail(check, found, `bring members back: nothing is decided until ${quorum} are healthy`);
  }
  if (storeMembers.length < 3) {
    return warn(check, found, "use at least three members: with fewer, losing one stops all decisions");
  }
  const space = spaceWarning(storeMembers.flatMap((member) => member.space ?? []));
  if (space !== null) return warn(check, `${found}; ${space}`, "free space before the quota is reached");
  return problems.length === 0
    ? ok(check, found)
    : warn(check, found, "bring the others back: until then losing another may stop all decisions");
}
