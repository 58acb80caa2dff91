import { z } from "zod";
import type { StackConfig } from "../config/schema.ts";

/**
 * How one of a stack's hosts is reached by SSH: the same way for Pulumi's steps, for the commands of this checkout and for people.
 */
export interface SshAccess {
  readonly address: string;
  readonly user: string;
  /** The key that it has to show; absent: whichever it shows is trusted. */
  readonly hostKey?: string;
  /** The host through which the connection goes; null: none. */
  readonly bastion: StackConfig["bastion"];
}

/** The part of a stack's configuration that decides it. */
export type AccessConfig = Pick<StackConfig, "sshUser" | "hostKeys" | "bastion">;

/** The public address, where the host has one and no bastion is in between. */
export function sshAddress<Private, Public>(
  bastion: StackConfig["bastion"],
  { privateIp, publicIp }: { readonly privateIp: Private; readonly publicIp?: Public | undefined },
): Private | Public {
  return bastion === null && publicIp !== undefined ? publicIp : privateIp;
}

/** The stack's output `hosts`, by name, as far as a connection needs it. */
export const hostsOutput = z.record(
  z.string(),
  z.object({ role: z.string(), privateIp: z.string(), publicIp: z.string().optional() }),
);
export type HostOutput = z.output<typeof hostsOutput>[string];

export function accessTo(
  name: string,
  host: Pick<HostOutput, "privateIp" | "publicIp">,
  { sshUser, hostKeys, bastion }: AccessConfig,
): SshAccess {
  const hostKey = hostKeys[name];
  return {
    address: sshAddress(bastion, host),
    user: sshUser,
    ...(hostKey === undefined ? {} : { hostKey }),
    bastion,
  };
}

/** The command by which a person logs in. */
export function sshCommandLine(user: string, address: string, bastion: StackConfig["bastion"]): string {
  const target = `${user}@${address}`;
  if (bastion === null) return `ssh ${target}`;
  return `ssh -J ${bastion.user}@${bastion.host}${bastion.port === 22 ? "" : `:${bastion.port}`} ${target}`;
}
