import { otherRegion, regions } from "../world/layout.ts";
import { ailAll } from "./clusters.ts";
import { type Fault, unlessOver } from "./fault.ts";

/** Until the standby is no longer known to be in sync: over the `maxReadAgeMs` of the configuration. */
const UNTIL_STALE_MS = 26_000;

export const replicationFaults: readonly Fault[] = [
  {
    name: "the clusters do not reach each other",
    weight: 2,
    begin: ({ clusters }) => ailAll([clusters.gra, clusters.bhs], { remoteLost: true }),
  },
  {
    name: "gra is lost long after the clusters lost each other",
    weight: 1,
    begin: (system) => {
      const { gra, bhs } = system.clusters;
      const reconnect = ailAll([gra, bhs], { remoteLost: true });
      const end = unlessOver(system, UNTIL_STALE_MS, () => {
        gra.ailments.down = true;
      });
      return () => {
        end();
        gra.ailments.down = false;
        reconnect();
      };
    },
  },
  {
    name: "replication is slow",
    weight: 1,
    begin: (system) => {
      const usual = 50;
      system.replicationRate = system.world.random.pick([0, 1]);
      return () => {
        system.replicationRate = usual;
      };
    },
  },
  {
    name: "followers stop with a fatal error",
    weight: 2,
    begin: ({ clusters }) => {
      clusters.bhs.stopFollowersFatally();
      return null;
    },
  },
  {
    name: "the standby is rebuilt",
    weight: 1,
    begin: (system) => {
      const { record } = system;
      // Wiping the only place of a write proves nothing: the active region and one to be salvaged are spared.
      if (record?.phase !== "serving" || !["following", "in-sync"].includes(record.standby)) return null;
      system.wipe(otherRegion(record.active));
      return null;
    },
  },
  {
    name: "history is forgotten",
    weight: 1,
    begin: (system) => {
      for (const region of regions) system.clusters[region].forgetHistory();
      return null;
    },
  },
];
