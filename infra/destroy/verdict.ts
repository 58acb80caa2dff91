import { z } from "zod";
import { witnessName } from "../../watchdog/config/address.ts";

/** Whether a stack may be destroyed, by what the watchdogs tell of the regions' roles. Pure. */

/** As much of the watchdogs' record as decides. */
export const rolesSchema = z.object({
  phase: z.enum(["serving", "closing", "promoting"]),
  epoch: z.number(),
  active: z.string().optional(),
  standby: z.string().optional(),
  from: z.string().optional(),
  to: z.string().optional(),
});
export type Roles = z.output<typeof rolesSchema>;

export interface Verdict {
  /** Why it is refused; null where it is not. */
  readonly refusal: string | null;
  /** What it means for the region that stays. */
  readonly consequence: string;
}

export interface Asked {
  /** The region, or the witness, that the stack provisions. */
  readonly site: string;
  /** null: no watchdog has answered, or none knows. */
  readonly roles: Roles | null;
  /** `--active-too` */
  readonly activeToo: boolean;
}

export function verdictOn({ site, roles, activeToo }: Asked): Verdict {
  const refused = (refusal: string, consequence = ""): Verdict => ({
    refusal: activeToo ? null : refusal,
    consequence,
  });
  if (site === witnessName) {
    return {
      refusal: null,
      consequence:
        "the regions go on; the loss of one more site leaves etcd without a majority, and nothing is decided then",
    };
  }
  if (roles === null) {
    return refused(
      `no watchdog tells which region is active: bring one back, or write --active-too if ${site} may be it`,
      `unknown: ${site} may be the active region`,
    );
  }
  if (roles.phase !== "serving") {
    return refused(
      `a change from ${roles.from} to ${roles.to} is under way (${roles.phase}): wait until it has ended`,
      "unknown until the change has ended",
    );
  }
  if (roles.active !== site) {
    return {
      refusal: null,
      consequence: `${roles.active} is active and goes on serving; until ${site} is built again and in sync, nothing can fail over`,
    };
  }
  const isInSync = roles.standby === "in-sync";
  return refused(
    `${site} is the active region: \`es-failover switchover\` to the other one first, which loses nothing; or write --active-too`,
    isInSync
      ? "the other region takes over as after the loss of this one, without what it has not replicated yet"
      : `the other region is ${roles.standby ?? "absent"}, not in-sync: it does not take over by itself, and what this region alone holds is lost`,
  );
}
