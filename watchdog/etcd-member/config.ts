import { z } from "zod";
import { parseJsonFile } from "../config/json-file.ts";

export const DEFAULT_MEMBER_FILE = "/etc/etcd/member.json";

const file = z.string().startsWith("/");
const httpsUrl = z.url({ protocol: /^https$/ });
const password = z.strictObject({ username: z.string().min(1), passwordFile: file });

/** What provisioning tells a host about its member of etcd. */
export const memberConfigSchema = z
  .strictObject({
    /** This host's member. */
    name: z.string().min(1),
    /** All planned members, this one included. */
    members: z.array(z.strictObject({ name: z.string().min(1), clientUrl: httpsUrl, peerUrl: httpsUrl })).min(1),
    dataDirectory: file,
    /** Where etcd reads how to start; written anew before each start. */
    environmentFile: file,
    /**
     * While this file is there, the host may found a cluster with the others. Provisioning makes it for the first host in
     * this place, an operator when every member is lost for good; it goes when the member votes.
     */
    permissionFile: file,
    caFile: file,
    certificateFile: file,
    keyFile: file,
    root: password,
    user: password,
    /** Keys that `user` may read and write. */
    prefix: z.string().min(1),
  })
  .refine(({ name, members }) => members.some((member) => member.name === name), {
    path: ["name"],
    error: "must be among the members",
  });

export type MemberConfig = z.output<typeof memberConfigSchema>;
export type MemberConfigInput = z.input<typeof memberConfigSchema>;

/** @throws ConfigError */
export function readMemberConfig(path: string): Promise<MemberConfig> {
  return parseJsonFile(path, memberConfigSchema);
}

/** The entry of this host among the planned members. */
export function ownMember({ name, members }: MemberConfig): MemberConfig["members"][number] {
  const own = members.find((member) => member.name === name);
  if (own === undefined) throw new Error(`${name} is not among the planned members`);
  return own;
}
