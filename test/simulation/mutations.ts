import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { CreateWatchdog } from "./system.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** A rule left out on purpose: one place of the source changed. The simulator has to notice. */
export interface Mutation {
  /** The rule's name, as in the design where it has one there. */
  readonly rule: string;
  /** What the mutant does wrong. */
  readonly defect: string;
  /** Below watchdog/. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Invariants one of which has to break. */
  readonly breaks: readonly string[];
  /** The faults under which it shows soonest. */
  readonly faults: readonly string[];
}

export const mutations: readonly Mutation[] = [
  {
    rule: "closing-first",
    defect: "the record says closing, but under the epoch that every router has acknowledged already",
    file: "core/rules.ts",
    from: 'phase: "closing",\n    epoch: record.epoch + 1,',
    to: 'phase: "closing",\n    epoch: record.epoch,',
    breaks: ["closing-first", "2"],
    faults: ["gra is lost"],
  },
  {
    rule: "ack-or-lease",
    defect: "promotion begins without waiting for any router",
    file: "core/rules.ts",
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
    from: `    const leaseAskedAtMs = clock.nowMs();
    const { validForMs } = await store.renewRouterLease(config.name);
    this.#leaseUntilMs = leaseAskedAtMs + validForMs;
    const stored = await store.read();
`,
    to: `    const stored = await store.read();
    const leaseAskedAtMs = clock.nowMs();
    const { validForMs } = await store.renewRouterLease(config.name);
    this.#leaseUntilMs = leaseAskedAtMs + validForMs;
`,
    breaks: ["1"],
    faults: ["gra is lost", "the store is slow"],
  },
  {
    rule: "no acknowledgement over an unanswered ticket",
    defect: "a router acknowledges its closing although a ticket it sent may still arrive",
    file: "daemon/routing.ts",
    from: "this.#uncertainUntilMs = decision.ticket.validUntilMs;",
    to: "this.#uncertainUntilMs = 0;",
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
    to: "if (record.epoch < 0) return",
    breaks: ["12"],
    faults: ["gra is lost", "the regions do not reach each other", "followers stop with a fatal error"],
  },
  {
    rule: "in sync when the active region was last well",
    defect: "what was once in sync counts as in sync for ever",
    file: "core/situation.ts",
    from: "if (reference - inSyncAtMs > maxReadAgeMs)",
    to: "if (reference < 0)",
    breaks: ["12"],
    faults: ["gra is lost", "the regions do not reach each other"],
  },
  {
    rule: "verify before opening",
    defect: "the new region is opened although followers are left in it",
    file: "daemon/steps.ts",
    from: "if (late.length > 0) throw new LateFollowers(late);",
    to: "if (record.epoch > 0) return step;",
    breaks: ["6", "7"],
    faults: ["gra is red", "calls hang"],
  },
  {
    rule: "resume",
    defect: "a promotion that another run began is not carried on",
    file: "daemon/executing.ts",
    from: "if (step === null || cluster === undefined) return false;",
    to: 'if (step === null || cluster === undefined || step.status === "running") return false;',
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
];

/** The watchdog with one mutation, built in a directory of its own. */
export async function buildMutant(
  mutation: Mutation,
): Promise<{ create: CreateWatchdog; remove: () => Promise<void> }> {
  const directory = await mkdtemp(path.join(tmpdir(), "es-failover-mutant-"));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    for (const part of ["core", "daemon", "config"]) {
      await cp(path.join(root, "watchdog", part), path.join(directory, "watchdog", part), { recursive: true });
    }
    await cp(path.join(root, "package.json"), path.join(directory, "package.json"));
    await symlink(path.join(root, "node_modules"), path.join(directory, "node_modules"));
    const file = path.join(directory, "watchdog", mutation.file);
    const source = await readFile(file, "utf8");
    const places = source.split(mutation.from).length - 1;
    if (places !== 1) {
      throw new Error(`mutation "${mutation.rule}": ${mutation.file} has its text ${places} times instead of once`);
    }
    await writeFile(
      file,
      source.replace(mutation.from, () => mutation.to),
    );
    const module: { createWatchdog: CreateWatchdog } = await import(
      /* @vite-ignore */ pathToFileURL(path.join(directory, "watchdog/daemon/watchdog.ts")).href
    );
    return { create: module.createWatchdog, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
