import * as pulumi from "@pulumi/pulumi";
import type { StackConfig } from "./config/schema.ts";
import type { Instance } from "./instances/instances.ts";
import { sshAddress, sshCommandLine } from "./ssh/access.ts";
import { type Role, type Topology, virtualAddressOf } from "./topology/model.ts";
import { ports } from "./topology/ports.ts";

/** What a stack shows of its site. */

/** A host as `pulumi stack output hosts` shows it. */
export interface HostOutput {
  readonly role: Role;
  readonly zone: string;
  readonly privateIp: string;
  /** Absent where it has none. */
  readonly publicIp?: string;
  /** How a person logs in. */
  readonly ssh: string;
}

/** The entries for applications, over the internet (from `clientCidrs`) and over the private network. */
export interface EntryOutput {
  readonly public: readonly string[];
  readonly private: readonly string[];
  /** By the region's DNS name, if it has one. */
  readonly name?: string;
}

export function hostOutputs(
  instances: readonly Instance[],
  { sshUser, bastion }: Pick<StackConfig, "sshUser" | "bastion">,
): pulumi.Output<Record<string, HostOutput>> {
  return pulumi.output(
    Object.fromEntries(
      instances.map(({ host, publicIp }) => [
        host.name,
        {
          role: host.role,
          zone: host.zone,
          privateIp: host.privateIp,
          ...(publicIp === undefined ? {} : { publicIp }),
          ssh: pulumi
            .output(sshAddress(bastion, { privateIp: host.privateIp, publicIp }))
            .apply((address) => sshCommandLine(sshUser, address, bastion)),
        },
      ]),
    ),
  );
}

/** The virtual address first: one of the others stops answering with its host. */
export function entryOutputs(
  topology: Topology,
  instances: readonly Instance[],
  dnsName: string | undefined,
): pulumi.Output<EntryOutput> {
  const entries = instances.filter(({ host }) => host.role === "haproxy");
  const url = (address: string) => `https://${address}:${ports.entry}`;
  return pulumi.output({
    public: entries.flatMap(({ publicIp }) => publicIp?.apply(url) ?? []),
    private: [
      ...new Set(entries.flatMap(({ host }) => virtualAddressOf(topology, host))),
      ...entries.map(({ host }) => host.privateIp),
    ].map(url),
    ...(dnsName === undefined ? {} : { name: url(dnsName) }),
  });
}
