import type { RegionName } from "../../config/address.ts";
import { isOlder } from "../../core/rules/preconditions.ts";
import { type Check, fail, ok, unknown, warn } from "./check.ts";
import type { PreflightFindings } from "./findings.ts";

interface VersionRange {
  readonly region: RegionName;
  readonly lowest: string;
  readonly highest: string;
}

/**
 * A follower's cluster must not be older than its leader's, and roles change: each region must be able to follow the
 * other. A region of mixed versions counts as its lowest when it follows, and as its highest when it leads.
 */
export function versions({ regions, active }: PreflightFindings): Check {
  const check = "versions";
  const ranges: VersionRange[] = [];
  for (const [region, { versions: nodes }] of Object.entries(regions)) {
    if ("error" in nodes) return unknown(check, nodes.error);
    const range = rangeOf(
      region,
      nodes.value.map(({ version }) => version),
    );
    if (range === null) return unknown(check, `${region} lists no node`);
    ranges.push(range);
  }
  const found = ranges
    .map(({ region, lowest, highest }) => `${region} ${lowest === highest ? lowest : `${lowest} to ${highest}`}`)
    .join(", ");
  const [first, second] = incompatiblePairs(ranges);
  if (first === undefined) return ok(check, `${found}: either can follow the other`);
  const older = `${found}: ${first.follower} is older than ${first.leader} and cannot follow it`;
  const upgrade = `upgrade ${first.follower} to exactly the version of ${first.leader}`;
  if (second !== undefined || first.leader === active) return fail(check, older, upgrade);
  return warn(check, `${older} after a failover`, `${upgrade}: until then there is no failback after a failover`);
}

function rangeOf(region: RegionName, found: readonly string[]): VersionRange | null {
  const sorted = found.toSorted((a, b) => (isOlder(a, b) ? -1 : isOlder(b, a) ? 1 : 0));
  const [lowest, highest] = [sorted[0], sorted.at(-1)];
  return lowest === undefined || highest === undefined ? null : { region, lowest, highest };
}

const incompatiblePairs = (ranges: readonly VersionRange[]) =>
  ranges.flatMap((follower) =>
    ranges
      .filter((leader) => leader !== follower && isOlder(follower.lowest, leader.highest))
      .map((leader) => ({ follower: follower.region, leader: leader.region })),
  );
