import type { ConfigViolation } from "../../watchdog/config/violations.ts";
import type { StackConfig } from "./schema.ts";

/** A DNS name belongs to a region with an entry, and to one region alone. */
export function dnsContradictions({ dns, regions }: Pick<StackConfig, "dns" | "regions">): readonly ConfigViolation[] {
  const names = Object.entries(dns?.names ?? {});
  return names.flatMap(([region, name], position) => {
    const key = `dns.names.${region}`;
    const haproxyNodes = regions[region]?.haproxyNodes;
    if (haproxyNodes === undefined) {
      return [{ key, message: `is not for a region: there are ${Object.keys(regions).join(" and ")}` }];
    }
    const same = names.slice(0, position).find(([, other]) => other === name);
    return [
      ...(haproxyNodes > 0 ? [] : [{ key, message: `must be left out: ${region} has no HAProxy host` }]),
      ...(same === undefined
        ? []
        : [{ key, message: `is "${name}", as that of ${same[0]}: each region's stack has records of its own` }]),
    ];
  });
}
