import type { System } from "../world/system.ts";
import type { Fault } from "./fault.ts";
import { isClockSettled } from "./hosts.ts";

/** The file store is on the host of the only watchdog. */
const isHostSettled = (system: System) => system.stations.every((station) => isClockSettled(system, station));

export const storeFaults: readonly Fault[] = [
  {
    name: "the store comes up empty",
    weight: 2,
    begin: (system) => {
      system.store.wipe();
      return null;
    },
  },
  {
    name: "the file store is slow",
    weight: 4,
    store: "file",
    begin: (system) => {
      if (!isHostSettled(system)) return null;
      const { file, world } = system;
      file.slowMs = world.random.pick([500, 4_000, 20_000]);
      return () => {
        file.slowMs = 0;
      };
    },
  },
  {
    name: "a call to the file store takes long",
    weight: 3,
    store: "file",
    begin: (system) => {
      if (!isHostSettled(system)) return null;
      const { random } = system.world;
      system.file.slowCall = { call: random.between(0, 20), takesMs: random.between(3_000, 20_000) };
      return null;
    },
  },
  {
    name: "the file store fails",
    weight: 2,
    store: "file",
    begin: (system) => {
      if (!isHostSettled(system)) return null;
      const { file, world } = system;
      file.failures = world.random.pick([0.2, 0.7, 1]);
      return () => {
        file.failures = 0;
      };
    },
  },
];
