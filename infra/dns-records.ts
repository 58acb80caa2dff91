import * as ovh from "@ovhcloud/pulumi-ovh";
import * as pulumi from "@pulumi/pulumi";
import type { StackConfig } from "./config/schema.ts";
import type { Instance } from "./instances/instances.ts";
import { type Topology, virtualAddressOf } from "./topology/model.ts";

export interface DnsRecordsArgs {
  readonly config: Pick<StackConfig, "dns" | "region">;
  readonly topology: Topology;
  /** The region's HAProxy hosts. */
  readonly entries: readonly Instance[];
}

interface Record {
  /** Name of the resource. */
  readonly name: string;
  readonly address: pulumi.Input<string>;
}

/**
 * The DNS name of the region's entries: an address record for each. It is the region's own: which region is active, the routers
 * behind every entry decide, so that no failover waits for a resolver.
 */
export class DnsRecords extends pulumi.ComponentResource {
  constructor(name: string, args: DnsRecordsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:dns:DnsRecords", name, {}, opts);
    const { dns, region } = args.config;
    const subdomain = dns?.names[region];
    if (dns !== null && subdomain !== undefined) {
      for (const record of this.records(args)) {
        new ovh.domain.ZoneRecord(
          record.name,
          { zone: dns.zone, subdomain, fieldtype: "A", target: record.address, ttl: dns.ttlSeconds },
          { parent: this },
        );
      }
    }
    this.registerOutputs({});
  }

  private records({ config: { dns, region }, topology, entries }: DnsRecordsArgs): readonly Record[] {
    if (dns?.addresses === "public") {
      return entries.flatMap(({ host, publicIp }) =>
        publicIp === undefined ? [] : [{ name: `${host.name}-dns`, address: publicIp }],
      );
    }
    const [shared] = entries.flatMap(({ host }) => virtualAddressOf(topology, host));
    if (shared !== undefined) return [{ name: `${region}-dns`, address: shared }];
    return entries.map(({ host }) => ({ name: `${host.name}-dns`, address: host.privateIp }));
  }
}
