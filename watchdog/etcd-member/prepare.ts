import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EtcdError } from "../adapters/etcd/errors.ts";
import type { EtcdMember } from "../adapters/etcd/wire.ts";
import { errnoOf } from "../util/files.ts";
import { type Admission, type ClusterView, decideAdmission } from "./admission.ts";
import { EtcdAdministration } from "./cluster.ts";
import { type MemberConfig, ownMember } from "./config.ts";
import { Repeater } from "./repeater.ts";

const LOOK_EVERY_MS = 2_000;

export interface MemberRun {
  readonly config: MemberConfig;
  /** Shows a sentence for people. */
  readonly say: (sentence: string) => void;
  readonly signal?: AbortSignal;
}

/** The mark that this member's data was once seen as a voter's of a working cluster. */
export function joinedFile({ dataDirectory }: MemberConfig): string {
  return `${dataDirectory}.joined`;
}

/**
 * Runs before each start of etcd: returns when etcd may start, with the environment file that says how. Waits for the
 * other members as long as it takes. Interrupted at any moment, it can be run again: each round looks anew.
 */
export async function prepareMember({ config, say, signal }: MemberRun): Promise<void> {
  const administration = await EtcdAdministration.open(config);
  const repeater = new Repeater(say);
  try {
    for (;;) {
      const view = joinedWithData(config, await hasData(config))
        ? ({ kind: "silent" } as const)
        : await administration.viewOfOthers();
      const admission = decideAdmission(await localMember(config), view);
      if (await carryOut(admission, { config, administration, view, repeater })) return;
      await sleep(LOOK_EVERY_MS, undefined, signal === undefined ? {} : { signal });
    }
  } finally {
    administration.close();
  }
}

async function localMember(config: MemberConfig) {
  const withData = await hasData(config);
  return {
    peerUrl: ownMember(config).peerUrl,
    hasData: withData,
    joined: joinedWithData(config, withData),
    mayForm: existsSync(config.permissionFile),
  };
}

function joinedWithData(config: MemberConfig, withData: boolean): boolean {
  return withData && existsSync(joinedFile(config));
}

async function hasData({ dataDirectory }: MemberConfig): Promise<boolean> {
  try {
    return (await readdir(dataDirectory)).length > 0;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

interface Surroundings {
  readonly config: MemberConfig;
  readonly administration: EtcdAdministration;
  readonly view: ClusterView;
  readonly repeater: Repeater;
}

/** True when etcd may start. */
async function carryOut(
  admission: Admission,
  { config, administration, view, repeater }: Surroundings,
): Promise<boolean> {
  switch (admission.kind) {
    case "start": {
      const others = view.kind === "cluster" ? view.members : [];
      await writeEnvironment(config, admission.clusterState, others);
      repeater.say(`etcd starts: ${admission.why}.`);
      return true;
    }
    case "wait":
      repeater.say(`etcd waits: ${admission.why}.`);
      return false;
    case "discard-data":
      repeater.say(`The data is put away to ${config.dataDirectory}.discarded: ${admission.why}.`);
      await discardData(config);
      return false;
    case "remove-member":
      repeater.say(`A member is removed: ${admission.why}.`);
      await attempt(repeater, () => administration.remove(admission.id));
      return false;
    case "add-learner":
      repeater.say(`This member asks to be taken in as a learner: ${admission.why}.`);
      await attempt(repeater, () => administration.addLearner(ownMember(config).peerUrl));
      return false;
    default:
      return admission satisfies never;
  }
}

/** etcd refuses a change of the members until all of them have been in touch for some seconds: the next round tries again. */
async function attempt(repeater: Repeater, change: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    repeater.say(`Not yet: ${error.message}`);
  }
}

async function discardData(config: MemberConfig): Promise<void> {
  const discarded = `${config.dataDirectory}.discarded`;
  await rm(joinedFile(config), { force: true });
  await rm(discarded, { recursive: true, force: true });
  await rename(config.dataDirectory, discarded);
}

/** A member that joins must name the members that there are; founders, and nobody else, name the planned ones. */
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
