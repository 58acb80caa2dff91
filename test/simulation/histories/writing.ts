import type { System } from "../world/system.ts";

const ALIAS_SHARE = 0.1;
const ROLLOVER_SHARE = 0.005;

/** Clients beside each router write now and then, mostly to indices that exist. */
export function startWriting(system: System): void {
  const { world, stations, clients } = system;
  const indices = ["logs-1", "logs-2", "logs-3"];
  for (const station of stations) {
    if (station.router === null) continue;
    world.every(world.random.between(100, 500), () => {
      if (world.random.chance(0.02)) indices.push(`logs-${indices.length + 1}`);
      if (world.random.chance(ROLLOVER_SHARE)) clients.rollOver(station);
      if (world.random.chance(ALIAS_SHARE)) clients.writeToAlias(station);
      else clients.write(station, world.random.pick(indices));
    });
  }
}
