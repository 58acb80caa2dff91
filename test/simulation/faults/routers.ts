import type { SimRouter } from "../world/router.ts";
import type { System } from "../world/system.ts";
import type { Fault } from "./fault.ts";
import { anyStation } from "./hosts.ts";

/** A router to which a fault may happen; null: none now. */
const anyRouter = (system: System): SimRouter | null => anyStation(system)?.router ?? null;

export const routerFaults: readonly Fault[] = [
  {
    name: "HAProxy's socket does not answer",
    weight: 3,
    begin: (system) => {
      const router = anyRouter(system);
      if (router === null) return null;
      router.isDeaf = true;
      return () => {
        router.isDeaf = false;
      };
    },
  },
  {
    name: "HAProxy takes commands late",
    weight: 2,
    begin: (system) => {
      const router = anyRouter(system);
      if (router === null) return null;
      router.lateByMs = system.world.random.between(1_200, 5_000);
      return () => {
        router.lateByMs = 0;
      };
    },
  },
];
