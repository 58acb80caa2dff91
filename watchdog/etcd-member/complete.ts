import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { EtcdError } from "../adapters/etcd/errors.ts";
import { writeFileAtomically } from "../util/files.ts";
import { EtcdAdministration } from "./cluster.ts";
import { ownMember } from "./config.ts";
import { joinedFile, type MemberRun } from "./prepare.ts";
import { Repeater } from "./repeater.ts";

const LOOK_EVERY_MS = 2_000;

/**
 * Runs after each start of etcd until nothing is left to do: promotes this member when it is a learner that has caught
 * up, remembers that it is a voter, and sees to it that authentication is on. Whichever host comes first turns it on;
 * the others find it done.
 */
export async function completeMember({ config, say, signal }: MemberRun): Promise<void> {
  const administration = await EtcdAdministration.open(config);
  const repeater = new Repeater(say);
  try {
    while (!(await isComplete({ config, say: (sentence) => repeater.say(sentence) }, administration))) {
      await sleep(LOOK_EVERY_MS, undefined, signal === undefined ? {} : { signal });
    }
  } finally {
    administration.close();
  }
}

async function isComplete({ config, say }: MemberRun, administration: EtcdAdministration): Promise<boolean> {
  const { peerUrl } = ownMember(config);
  try {
    const view = await administration.viewOfOthers();
    const own = view.kind === "cluster" ? view.members.find(({ peerURLs }) => peerURLs.includes(peerUrl)) : undefined;
    if (own?.isLearner) {
      say("This member is a learner and catches up; it becomes a voter as soon as it has.");
      await administration.promote(own.id);
      say("This member has become a voter.");
    }
    const members = await administration.membersByOwnWord();
    const mark = joinedFile(config);
    if (members.some((member) => member.peerURLs.includes(peerUrl) && !member.isLearner)) {
      await writeFileAtomically(mark, "This member has been a voter of a working cluster.\n", { mode: 0o600 });
      await rm(config.permissionFile, { force: true });
    }
    if (await administration.secure())
      say("Authentication is on, and the watchdogs' user has its rights and password.");
    return true;
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    say(`Not complete yet: ${error.message}`);
    return false;
  }
}
