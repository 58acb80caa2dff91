import { otherRegion } from "../world/layout.ts";
import type { System } from "../world/system.ts";
import { type Fault, flapping } from "./fault.ts";

const standbyOf = ({ record }: System) => otherRegion(record?.phase === "serving" ? record.active : "gra");

/** Not faults, but changes that meet them. */
export const operatorFaults: readonly Fault[] = [
  {
    name: "an operator asks for a switchover",
    weight: 6,
    begin: (system) => {
      system.request("switchover", standbyOf(system));
      return null;
    },
  },
  {
    name: "an operator asks for a failover",
    weight: 1,
    begin: (system) => {
      system.request("failover", standbyOf(system), system.world.random.chance(0.5));
      return null;
    },
  },
  {
    name: "an operator aborts changes",
    weight: 1,
    begin: (system) => flapping(system, [500, 4_000], () => system.abort()),
  },
];
