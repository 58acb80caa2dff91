import type { Command } from "commander";
import { completeMember } from "../../etcd-member/complete.ts";
import { DEFAULT_MEMBER_FILE, readMemberConfig } from "../../etcd-member/config.ts";
import { prepareMember } from "../../etcd-member/prepare.ts";
import type { CommandContext } from "../context.ts";

const prepareHelp = `
A member with data that already belongs to a cluster starts at once. A member without data asks the other planned
members: it joins their cluster as a learner in place of its predecessor, or forms a new cluster with them if there is
none. While no other member answers, a host that replaces an earlier one does not form a new cluster by itself, because
the old cluster may still exist. Only if all members and their data are lost for good, allow it on each host:

  sudo touch /etc/etcd/found-new-cluster`;

/** systemd runs these around the etcd member of this host, as root. */
export function addEtcd(program: Command, { print }: CommandContext): void {
  const etcd = program.command("etcd").description("the etcd member of this host (run by its units, as root)");
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
  addMember("complete", "after etcd has started: promote the member and enable authentication; ends when done").action(
    async ({ file }: { file: string }) => completeMember({ config: await readMemberConfig(file), report: print }),
  );
}
