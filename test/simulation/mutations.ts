import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { CreateWatchdog } from "./system.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** A rule left out on purpose: one place of the source changed. The simulator has to notice. */
export interface Edit {
  /** Below watchdog/. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface Mutation extends Edit {
  /** The rule's name, as in the design where it has one there. */
  readonly rule: string;
  /** What the mutant does wrong. */
  readonly defect: string;
  /**
   * A second guard taken away first, where one process has one that several watchdogs do not have. By itself this must
   * break nothing.
   */
  readonly given?: Edit;
  /** Invariants one of which has to break. */
  readonly breaks: readonly string[];
  /** The faults under which it shows soonest. */
  readonly faults: readonly string[];
}

export const mutations: readonly Mutation[] = [
  {
    rule: "closing-first",
    defect: "the record says closing, but under the epoch that every router has acknowledged already",
    file: "core/transitions.ts",
    from: 'phase: "closing",\n    epoch: record.epoch + 1,',
    to: 'phase: "closing",\n    epoch: record.epoch,',
    breaks: ["closing-first", "2"],
    faults: ["gra is lost"],
  },
  {
    rule: "ack-or-lease",
    defect: "promotion begins without waiting for any router",
    file: "core/conditions.ts",
    from: "acknowledgedEpoch < record.epoch",
    to: "acknowledgedEpoch < 0",
    breaks: ["1", "2"],
    faults: ["gra is lost", "the store is slow", "HAProxy's socket is deaf"],
  },
  {
    rule: "ticket-below-lease",
    defect: "a ticket outlives the lease it was issued under",
    file: "core/routing.ts",
    from: "Math.min(ticketValidityMs, leaseValidForMs - leaseMarginMs)",
    to: "leaseValidForMs * 3",
    breaks: ["1", "2"],
    faults: ["gra is lost", "HAProxy's socket is deaf"],
  },
  {
    rule: "lease-first",
    defect: "a router reads the record, and takes its lease some time later",
    file: "daemon/routing.ts",
    from: `      const leaseAskedAtMs = clock.nowMs();
      const { validForMs } = await store.renewRouterLease(config.name);
      const stored = await store.read();
`,
    to: `      const stored = await store.read();
      const leaseAskedAtMs = clock.nowMs();
      const { validForMs } = await store.renewRouterLease(config.name);
`,
    given: {
      file: "daemon/routing.ts",
      from: "highestEpochSeen: knowledge.highestEpoch(),",
      to: "highestEpochSeen: knowledge.highestEpoch() * 0,",
    },
    breaks: ["1"],
    faults: ["gra is lost", "a call to the store takes long"],
  },
  {
    rule: "no acknowledgement over an unanswered ticket",
    defect: "a router acknowledges its closing although a ticket it sent may still arrive",
    file: "daemon/routing.ts",
    from: "this.#uncertainUntilMs = Math.max(this.#uncertainUntilMs, ticket.validUntilMs);",
    to: "",
    breaks: ["1", "2"],
    faults: ["gra is lost", "HAProxy takes commands late"],
  },
  {
    rule: "epoch never goes back",
    defect: "a store that comes up empty is taken for a new system",
    file: "core/rules.ts",
    from: 'return seen.newestCopy.epoch > (record?.epoch ?? 0) ? null : "the store is as new as the copies";',
    to: 'return "copies do not count";',
    breaks: ["4", "1", "7", "ledger"],
    faults: ["gra is lost", "the store comes up empty"],
  },
  {
    rule: "self-doubt",
    defect: "a watchdog acts at once after it stood still or its clock was set",
    file: "daemon/self-trust.ts",
    from: "if (leftMs > 0)",
    to: "if (leftMs > 1_000_000)",
    breaks: ["11"],
    faults: ["gra is lost", "the watchdog is frozen", "the clock is set"],
  },
  {
    rule: "in-sync only",
    defect: "a standby is promoted whatever it lacks",
    file: "core/situation.ts",
    from: 'if (record.standby !== "in-sync") return',
    to: 'if (record.epoch > 0) return null;\n  if (record.standby !== "in-sync") return',
    breaks: ["12"],
    faults: ["gra is lost", "gra is lost long after the regions lost each other"],
  },
  {
    rule: "verify before opening",
    defect: "the new region is opened although followers are left in it",
    file: "daemon/steps.ts",
    from: "if (late.length > 0) throw new LateFollowers(late);",
    to: "if (record.epoch > 0) return step;",
    breaks: ["6", "7"],
    faults: ["probes get lost"],
  },
  {
    rule: "resume",
    defect: "a promotion that another run began is not carried on",
    file: "daemon/executing.ts",
    from: "if (step === null || signal.aborted) return null;",
    to: 'if (step === null || signal.aborted || step.status === "running") return null;',
    breaks: ["7"],
    faults: ["gra is lost", "the watchdog dies in the middle of a call"],
  },
  {
    rule: "close, then unfollow",
    defect: "followers are converted while they are open",
    file: "daemon/steps.ts",
    from: "(index) => index.following && index.open)",
    to: "(index) => index.following && index.open && index.uuid.length > 1_000)",
    breaks: ["7"],
    faults: ["gra is lost"],
  },
  {
    rule: "serving opens",
    defect: "the new region is never opened by the router",
    file: "core/routing.ts",
    from: "record.epoch < situation.highestEpochSeen",
    to: "record.epoch <= situation.highestEpochSeen && record.epoch > 1",
    breaks: ["7"],
    faults: ["gra is lost"],
  },
  {
    rule: "salvage-first",
    defect: "a former primary is emptied although nothing was salvaged",
    file: "daemon/rejoin-steps.ts",
    from: "report: await context.salvage.secure(divergence, cluster, mayAct) };",
    to: 'report: { place: "nowhere", operations: divergence.epoch, indices: mayAct.length, leftOut: [] } };',
    given: {
      file: "daemon/rejoin-steps.ts",
      from: "if (indices.length === 0) return [];",
      to: "if (indices.length >= 0) return indices;",
    },
    breaks: ["5"],
    faults: ["gra is lost"],
  },
  {
    rule: "fence-first",
    defect: "a former primary is not fenced",
    file: "daemon/rejoin-steps.ts",
    from: "own(index) && index.open && !index.writeBlocked",
    to: "own(index) && index.open && !index.writeBlocked && index.uuid.length > 1_000",
    breaks: ["7", "5"],
    faults: ["gra is lost"],
  },
  {
    rule: "equality-first",
    defect: "a switchover does not wait until the standby has everything",
    file: "daemon/switchover-steps.ts",
    from: "if (behind.length === 0) {",
    to: "if (behind.length >= 0) {",
    given: {
      file: "daemon/steps.ts",
      from: ".filter(({ key, checkpoint }) => reached.get(key) !== checkpoint)",
      to: ".filter(({ key, checkpoint }) => key.length > 1_000 && reached.get(key) !== checkpoint)",
    },
    breaks: ["9"],
    faults: ["an operator asks for a switchover", "replication is slow"],
  },
  {
    rule: "block-writes-first",
    defect: "a switchover compares the regions while the old one may still take writes",
    file: "daemon/switchover-steps.ts",
    from: "const isWritable = ({ open, writeBlocked }: IndexState) => open && !writeBlocked;",
    to: "const isWritable = ({ open, uuid }: IndexState) => open && uuid.length > 1_000;",
    given: {
      file: "daemon/switchover-steps.ts",
      from: "if (!index.writeBlocked) return",
      to: "if (index.uuid.length > 1_000) return",
    },
    breaks: ["9"],
    faults: ["an operator asks for a switchover"],
  },
  {
    rule: "strays are mended",
    defect: "a follower that appears after the promotion goes on refusing writes",
    file: "core/repair.ts",
    from: "return { strays: active.strays,",
    to: "return { strays: [],",
    breaks: ["7"],
    faults: ["an operator asks for a failover"],
  },
  {
    rule: "half-promoted rejoins",
    defect: "a region whose promotion was undone half-way is taken for one that follows",
    file: "core/rejoin.ts",
    from: " || record.halfPromoted?.region === region",
    to: "",
    breaks: ["7"],
    faults: ["gra flaps", "bhs is lost after a while", "an operator asks for a switchover", "calls hang"],
  },
];

/** The watchdog with some edits made to its source, built in a directory of its own. */
export async function buildMutant(
  edits: readonly Edit[],
): Promise<{ readonly create: CreateWatchdog; readonly remove: () => Promise<void> }> {
  const directory = await mkdtemp(path.join(tmpdir(), "es-failover-mutant-"));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    await cp(path.join(root, "watchdog"), path.join(directory, "watchdog"), { recursive: true });
    await cp(path.join(root, "package.json"), path.join(directory, "package.json"));
    await symlink(path.join(root, "node_modules"), path.join(directory, "node_modules"));
    for (const { file, from, to } of edits) {
      const place = path.join(directory, "watchdog", file);
      const source = await readFile(place, "utf8");
      const times = source.split(from).length - 1;
      if (times !== 1) throw new Error(`${file} has the text to be changed ${times} times instead of once: ${from}`);
      await writeFile(
        place,
        source.replace(from, () => to),
      );
    }
    const entry = pathToFileURL(path.join(directory, "watchdog/daemon/watchdog.ts")).href;
    const module: { createWatchdog: CreateWatchdog } = await import(/* @vite-ignore */ entry);
    return { create: module.createWatchdog, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
