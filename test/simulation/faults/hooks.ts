import type { Fault } from "./fault.ts";

export const hookFaults: readonly Fault[] = [
  {
    name: "hooks take long",
    weight: 2,
    begin: ({ hooks, world }) => {
      const before = hooks.takesMs;
      hooks.takesMs = world.random.pick([800, 100_000]);
      return () => {
        hooks.takesMs = before;
      };
    },
  },
  {
    name: "hooks refuse changes",
    weight: 1,
    begin: ({ hooks }) => {
      hooks.refuses = true;
      return () => {
        hooks.refuses = false;
      };
    },
  },
];
