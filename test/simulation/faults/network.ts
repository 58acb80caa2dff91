import { type Site, sitesOf } from "../world/layout.ts";
import { bothWays, type Direction, isolated } from "../world/network.ts";
import type { System } from "../world/system.ts";
import { type Fault, flapping } from "./fault.ts";

function cutting(name: string, weight: number, directions: (system: System) => readonly Direction[]): Fault {
  return { name, weight, begin: (system) => system.network.cutAll(directions(system)) };
}

const anySite = ({ world, layout }: System): Site => world.random.pick(sitesOf(layout));

function anyPair({ world, layout }: System): readonly [Site, Site] {
  const sites = sitesOf(layout);
  return world.random.pick(sites.flatMap((a, at) => sites.slice(at + 1).map((b) => [a, b] as const)));
}

export const networkFaults: readonly Fault[] = [
  cutting("gra is cut off", 5, ({ layout }) => isolated("gra", sitesOf(layout))),
  cutting("a site is cut off", 3, (system) => isolated(anySite(system), sitesOf(system.layout))),
  cutting("two sites are cut apart", 4, (system) => bothWays(anyPair(system))),
  cutting("one direction is cut", 4, (system) => {
    const [a, b] = anyPair(system);
    return system.world.random.chance(0.5) ? [[a, b]] : [[b, a]];
  }),
  cutting("a site receives nothing", 2, (system) => {
    const site = anySite(system);
    return sitesOf(system.layout).flatMap((other) => (other === site ? [] : [[other, site] as const]));
  }),
  {
    name: "packets are lost",
    weight: 2,
    begin: ({ network, world }) => {
      network.loss = world.random.pick([0.05, 0.3]);
      network.jitterMs = world.random.pick([50, 300, 1_500]);
      return () => {
        network.loss = 0;
        network.jitterMs = 0;
      };
    },
  },
  {
    name: "the network flaps",
    weight: 2,
    begin: (system) => {
      let heal: (() => void) | null = null;
      const end = flapping(system, [300, 6_000], () => {
        if (heal === null) {
          heal = system.network.cutAll(bothWays(anyPair(system)));
        } else {
          heal();
          heal = null;
        }
      });
      return () => {
        end();
        heal?.();
      };
    },
  },
];
