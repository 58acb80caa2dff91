import type { Command } from "commander";
import { completeMember } from "../../etcd-member/complete.ts";
import { DEFAULT_MEMBER_FILE, readMemberConfig } from "../../etcd-member/config.ts";
import { defragmentMembers, membersToDefragment } from "../../etcd-member/defragment.ts";
import { prepareMember } from "../../etcd-member/prepare.ts";
import { size } from "../../util/text.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { confirm } from "../operator.ts";
import { dryRunOption, yesOption } from "../options.ts";

const prepareHelp = `
A member with data that already belongs to a cluster starts at once. A member without data asks the other planned
members: it joins their cluster as a learner in place of its predecessor, or founds a new cluster with all of them if
there is none. While one of them cannot be reached, the old cluster may still exist, and none is founded. Only if the
data of so many members is lost for good that no majority is left, confirm a new cluster on each host:

  echo confirmed | sudo tee /etc/etcd/found-new-cluster`;

const defragmentHelp = `
At its quota (store.quotaBytes) etcd takes no write: routers go on, and no region is promoted. This forgets old revisions
of the keys, rewrites each member's file without the free space in it, the leader's last, and ends the alarm (NOSPACE).`;

/** systemd runs `prepare` and `complete` around the etcd member of this host, as root. */
export function addEtcd(program: Command, context: CommandContext): void {
  const { print } = context;
  const etcd = program.command("etcd").description("the etcd member of this host, as root");
  const addMember = (name: string, description: string) =>
    etcd
      .command(name)
      .description(description)
      .option("-f, --file <file>", "member settings written by provisioning", DEFAULT_MEMBER_FILE);
  addMember("prepare", "before etcd starts: decide how the member joins, and wait until it can")
    .addHelpText("after", prepareHelp)
    .action(async ({ file }: { file: string }) =>
      prepareMember({ config: await readMemberConfig(file), report: print }),
    );
  addMember(
    "complete",
    "beside etcd's start: found the cluster, promote the member, enable authentication; ends when done",
  ).action(async ({ file }: { file: string }) =>
    completeMember({ config: await readMemberConfig(file), report: print }),
  );
  addMember("defragment", "free space in every member, one at a time, and end the alarm of a full etcd")
    .addHelpText("after", defragmentHelp)
    .addOption(dryRunOption())
    .addOption(yesOption())
    .action((options: DefragmentOptions) => defragment(context, options));
}

interface DefragmentOptions {
  readonly file: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

async function defragment(
  { print, complain, finish }: CommandContext,
  { file, dryRun, yes }: DefragmentOptions,
): Promise<void> {
  const config = await readMemberConfig(file);
  const members = await membersToDefragment({ config, report: complain });
  for (const { endpoint, databaseBytes, databaseBytesInUse, errors } of members) {
    const alarms = errors.length === 0 ? "" : `; ${errors.join(", ")}`;
    print(`${endpoint}: ${size(databaseBytes)}, of which ${size(databaseBytesInUse)} in use${alarms}`);
  }
  if (dryRun) return;
  if (!yes && !(await confirm("Each member answers nothing for the moments in which its file is rewritten."))) {
    complain("Not confirmed: nothing was changed.");
    return finish(exitCodes.refused);
  }
  await defragmentMembers({ config, report: print });
}
