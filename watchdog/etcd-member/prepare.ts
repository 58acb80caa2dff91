import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EtcdError } from "../adapters/etcd/errors.ts";
import type { EtcdMember } from "../adapters/etcd/wire.ts";
import { readIfThere } from "../util/durable.ts";
import { errnoOf } from "../util/files.ts";
import { type Admission, decideAdmission, type Founding, type LocalMember, type ObservedCluster } from "./admission.ts";
import { EtcdAdministration } from "./cluster.ts";
import { joinedFile, type MemberConfig, ownMember } from "./config.ts";
import { OtherFounders } from "./founders.ts";
import { ProgressReporter } from "./progress-reporter.ts";

const POLL_INTERVAL_MS = 2_000;

export interface MemberRun {
  readonly config: MemberConfig;
  /** Called with each new sentence for people. */
  readonly report: (sentence: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Runs before each start of etcd: writes the environment file that tells etcd how to start, and returns when etcd may
 * start. Waits for the other members without a limit. It may be interrupted at any point: each round starts from the
 * present state.
 */
export async function prepareMember({ config, report, signal }: MemberRun): Promise<void> {
  const administration = await EtcdAdministration.open(config);
  const reporter = new ProgressReporter(report);
  const founders = new OtherFounders(config);
  try {
    for (;;) {
      const local = await localMember(config);
      const view = local.joined ? silent : await observed(local, administration, founders);
      const admission = decideAdmission(local, view);
      if (await applyAdmission(admission, { config, administration, view, reporter })) return;
      await sleep(POLL_INTERVAL_MS, undefined, signal === undefined ? {} : { signal });
    }
  } finally {
    administration.close();
  }
}

const silent: ObservedCluster = { kind: "silent", noFounders: [] };

/** Only a host that may found a cluster with all others asks who else may. */
async function observed(
  { founding, hasData }: LocalMember,
  administration: EtcdAdministration,
  founders: OtherFounders,
): Promise<ObservedCluster> {
  const cluster = await administration.observeOthers();
  if (cluster !== null) return cluster;
  return founding === "with-all" && !hasData ? { kind: "silent", noFounders: await founders.missing() } : silent;
}

async function localMember(config: MemberConfig): Promise<LocalMember> {
  const withData = await hasData(config);
  return {
    peerUrl: ownMember(config).peerUrl,
    hasData: withData,
    joined: withData && existsSync(joinedFile(config)),
    founding: await foundingOf(config),
  };
}

async function foundingOf({ permissionFile }: MemberConfig): Promise<Founding> {
  const text = await readIfThere(permissionFile);
  if (text === null) return "refused";
  return text.trim() === "confirmed" ? "confirmed" : "with-all";
}

async function hasData({ dataDirectory }: MemberConfig): Promise<boolean> {
  try {
    return (await readdir(dataDirectory)).length > 0;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

interface AdmissionContext {
  readonly config: MemberConfig;
  readonly administration: EtcdAdministration;
  readonly view: ObservedCluster;
  readonly reporter: ProgressReporter;
}

/** True when etcd may start. */
async function applyAdmission(
  admission: Admission,
  { config, administration, view, reporter }: AdmissionContext,
): Promise<boolean> {
  switch (admission.kind) {
    case "start": {
      const others = view.kind === "cluster" ? view.members : [];
      await writeEnvironment(config, admission.clusterState, others);
      reporter.report(`etcd starts: ${admission.why}.`);
      return true;
    }
    case "wait":
      reporter.report(`etcd waits: ${admission.why}.`);
      return false;
    case "discard-data":
      reporter.report(`The data is moved to ${config.dataDirectory}.discarded: ${admission.why}.`);
      await discardData(config);
      return false;
    case "remove-member":
      reporter.report(`A member is removed: ${admission.why}.`);
      await attempt(reporter, () => administration.remove(admission.id));
      return false;
    case "add-learner":
      reporter.report(`This member asks to join as a learner: ${admission.why}.`);
      await attempt(reporter, () => administration.addLearner(ownMember(config).peerUrl));
      return false;
    default:
      return admission satisfies never;
  }
}

/** etcd refuses a membership change until all members have been connected for some seconds: the next round retries. */
async function attempt(reporter: ProgressReporter, change: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    reporter.report(`Not yet: ${error.message}`);
  }
}

async function discardData(config: MemberConfig): Promise<void> {
  const discarded = `${config.dataDirectory}.discarded`;
  await rm(joinedFile(config), { force: true });
  await rm(discarded, { recursive: true, force: true });
  await rename(config.dataDirectory, discarded);
}

/** A member that joins must name the present members; only founders name the planned ones. */
async function writeEnvironment(
  config: MemberConfig,
  clusterState: "new" | "existing",
  members: readonly EtcdMember[],
): Promise<void> {
  const planned = new Map(config.members.map(({ peerUrl, name }) => [peerUrl, name]));
  const named =
    clusterState === "new" || members.length === 0
      ? config.members.map(({ name, peerUrl }) => `${name}=${peerUrl}`)
      : members.flatMap(({ id, name, peerURLs }) =>
          peerURLs.map((url) => `${planned.get(url) ?? (name === "" ? `member-${id}` : name)}=${url}`),
        );
  const lines = [`ETCD_INITIAL_CLUSTER_STATE=${clusterState}`, `ETCD_INITIAL_CLUSTER=${named.join(",")}`, ""];
  await mkdir(path.dirname(config.environmentFile), { recursive: true });
  await writeFile(config.environmentFile, lines.join("\n"));
}
