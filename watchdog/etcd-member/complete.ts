import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { EtcdError } from "../adapters/etcd/errors.ts";
import { writeFileAtomically } from "../util/files.ts";
import { closeAtOnce } from "../util/http-server.ts";
import { EtcdAdministration } from "./cluster.ts";
import { joinedFile, ownMember } from "./config.ts";
import { serveFounder } from "./founders.ts";
import type { MemberRun } from "./prepare.ts";
import { ProgressReporter } from "./progress-reporter.ts";

const POLL_INTERVAL_MS = 2_000;

/**
 * Runs beside each start of etcd until nothing is left to do: tells the other founders that this host is one, promotes this
 * member once it is a learner that has caught up, records that it is a voter, and enables authentication, which the first
 * host does for all.
 */
export async function completeMember({ config, report, signal }: MemberRun): Promise<void> {
  const administration = await EtcdAdministration.open(config);
  const reporter = new ProgressReporter(report);
  const founder = await serveFounder(config);
  try {
    while (!(await isComplete({ config, report: (sentence) => reporter.report(sentence) }, administration))) {
      await sleep(POLL_INTERVAL_MS, undefined, signal === undefined ? {} : { signal });
    }
  } finally {
    administration.close();
    if (founder !== null) await closeAtOnce(founder);
  }
}

async function isComplete({ config, report }: MemberRun, administration: EtcdAdministration): Promise<boolean> {
  const { peerUrl } = ownMember(config);
  try {
    const view = await administration.observeOthers();
    const own = view?.kind === "cluster" ? view.members.find(({ peerURLs }) => peerURLs.includes(peerUrl)) : undefined;
    if (own?.isLearner) {
      report("This member is a learner; it becomes a voter once it has caught up.");
      await administration.promote(own.id);
      report("This member is a voter now.");
    }
    const members = await administration.membersFromOwn();
    const mark = joinedFile(config);
    if (members.some((member) => member.peerURLs.includes(peerUrl) && !member.isLearner)) {
      await writeFileAtomically(mark, "This member has been a voter of a working cluster.\n", { mode: 0o600 });
      await rm(config.permissionFile, { force: true });
    }
    if (await administration.ensureAuthentication())
      report("Authentication is enabled, and the watchdogs' user has its role and password.");
    return true;
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    report(`Not complete yet: ${error.message}`);
    return false;
  }
}
