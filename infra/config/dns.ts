import { z } from "zod";
import { count, regionName, text } from "../../watchdog/config/values.ts";

/** The least that OVHcloud's zones take. */
const LEAST_TTL_SECONDS = 60;

/** The stack's key `dns`. */
export const dnsSchema = z
  .strictObject(
    {
      zone: text(
        /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/,
        "a DNS zone such as example.com",
      ).describe("The zone, which OVHcloud serves already."),
      names: z
        .record(
          regionName,
          text(
            /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
            "a name below the zone, such as es-gra",
          ),
        )
        .describe("Name of each region's entry below the zone, by region. A region without one has no record."),
      addresses: z
        .enum(["private", "public"])
        .default("private")
        .describe(
          "`private`: the virtual address where the region has one, else the HAProxy hosts' addresses in the private network. " +
            "`public`: their public ones.",
        ),
      ttlSeconds: count(LEAST_TTL_SECONDS, 86_400)
        .default(LEAST_TTL_SECONDS)
        .meta({ unit: "s" })
        .describe("How long resolvers may keep the records."),
    },
    'write the zone and the names, such as {"zone": "example.com", "names": {"gra": "es-gra", "bhs": "es-bhs"}}',
  )
  .nullable()
  .default(null)
  .describe(
    "DNS records of the entries in a zone that OVHcloud serves; `none`: there are none. Each names the entries of one region. See " +
      "docs/applications.md.",
  );

type Dns = z.output<typeof dnsSchema>;

/** The region's name in DNS, if it has one. */
export function dnsNameOf(dns: Dns, region: string): string | undefined {
  const name = dns?.names[region];
  return dns === null || name === undefined ? undefined : `${name}.${dns.zone}`;
}
