import type { Command } from "commander";
import { completeMember } from "../../etcd-member/complete.ts";
import { DEFAULT_MEMBER_FILE, readMemberConfig } from "../../etcd-member/config.ts";
import { prepareMember } from "../../etcd-member/prepare.ts";

const prepareHelp = `
A member that was part of a cluster and has its data starts at once. One without data asks the other planned members: it
enters their cluster as a learner in place of its predecessor, or founds a cluster with them when none exists. A host
that took the place of an earlier one does not found a cluster by itself while nobody answers: the cluster may exist
still. Only if every member and its data are lost for good, allow it on each of the hosts:

  sudo touch /etc/etcd/found-new-cluster`;

/** Run by systemd around the host's member of etcd, as root. */
export function addEtcdCommands(program: Command, say: (sentence: string) => void): void {
  const etcd = program.command("etcd").description("the member of etcd on this host (run by its units, as root)");
  const member = (name: string, description: string) =>
    etcd
      .command(name)
      .description(description)
      .option("-f, --file <file>", "what provisioning says", DEFAULT_MEMBER_FILE);
  member("prepare", "before etcd starts: decide how it takes part, and wait for that as long as it takes")
    .addHelpText("after", prepareHelp)
    .action(async ({ file }: { file: string }) => prepareMember({ config: await readMemberConfig(file), say }));
  member(
    "complete",
    "after etcd has started: promote the member, turn authentication on; ends when all is done",
  ).action(async ({ file }: { file: string }) => completeMember({ config: await readMemberConfig(file), say }));
}
