import { z } from "zod";
import { parseJsonFile } from "../config/json-file.ts";
import { absolutePath, etcdPrefix, httpsUrl, text, tlsFiles, username } from "../config/values.ts";

export const DEFAULT_MEMBER_FILE = "/etc/etcd/member.json";

const memberName = text(/^\S+$/, "a member's name");

const etcdUser = (whose: string) =>
  z
    .strictObject({
      username: username.describe("Name of the user."),
      passwordFile: absolutePath.describe("File that holds its password and nothing else."),
    })
    .describe(whose);

/** A host's member of etcd, as provisioning plans it. */
export const memberConfigSchema = z
  .strictObject({
    name: memberName.describe("This host's member."),
    members: z
      .array(
        z.strictObject({
          name: memberName.describe("Name of the member."),
          clientUrl: httpsUrl.describe("URL for clients."),
          peerUrl: httpsUrl.describe("URL for the other members."),
          founderUrl: httpsUrl
            .optional()
            .describe(
              "URL under which the host answers, while it may found a cluster, that it may. Default: none, and it founds none unless confirmed.",
            ),
        }),
      )
      .min(1, "name at least one member")
      .describe("All planned members, this one included."),
    dataDirectory: absolutePath.describe("Directory of the member's data."),
    environmentFile: absolutePath.describe("Where etcd reads how to start; rewritten before each start."),
    permissionFile: absolutePath.describe(
      "While this file exists, the host may found a cluster, once each other member's host answers that it may, too. " +
        "Provisioning creates it for the first host in this place; it is removed once the member votes. With the text " +
        "`confirmed`, which an operator writes after every member is lost for good, it waits for no other.",
    ),
    ...tlsFiles,
    root: etcdUser("etcd's root user."),
    user: etcdUser("The watchdogs' user of etcd."),
    prefix: etcdPrefix.describe("Prefix of the keys that `user` may read and write."),
  })
  .refine(({ name, members }) => members.some((member) => member.name === name), {
    path: ["name"],
    error: "write one of the members",
  });

export type MemberConfig = z.output<typeof memberConfigSchema>;
export type MemberConfigInput = z.input<typeof memberConfigSchema>;

/** @throws ConfigError */
export function readMemberConfig(path: string): Promise<MemberConfig> {
  return parseJsonFile(path, memberConfigSchema);
}

/** Marks that this member's data has belonged to a voter of a working cluster. */
export function joinedFile({ dataDirectory }: MemberConfig): string {
  return `${dataDirectory}.joined`;
}

/** The planned members of other hosts. */
export function otherMembers({ name, members }: MemberConfig): MemberConfig["members"] {
  return members.filter((member) => member.name !== name);
}

/** The entry of this host among the planned members. */
export function ownMember({ name, members }: MemberConfig): MemberConfig["members"][number] {
  const own = members.find((member) => member.name === name);
  if (own === undefined) throw new Error(`${name} is not among the planned members`);
  return own;
}
