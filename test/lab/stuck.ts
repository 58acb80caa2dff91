import { randomBytes } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { asSuperuser } from "../../lab/system/superuser.ts";
import type { TwoRegions } from "../../lab/system/two-regions.ts";
import { eventually, until } from "../../lab/util/until.ts";
import type { StepKind } from "../../watchdog/core/state/plan.ts";
import { acknowledged, longestOutageMs, startTraffic } from "./support/application.ts";
import { type BothEntries, noneMissing } from "./support/both-entries.ts";
import { checks, type LabUnderTest } from "./support/lab-under-test.ts";
import { esFailoverDone, failBack } from "./support/operator.ts";
import { rolesOf } from "./support/watching.ts";

/** As `promotion.maxStuckMs` has it by default: an operator need not wait for it. */
const BOUND_MS = 60_000;
/** Longer than a step takes that goes on. */
const STUCK_FOR_MS = 10_000;
/** Detection, leases that end, and steps that a busy machine finishes after the bound. */
const AROUND_MS = checks.failThreshold * (checks.intervalMs + checks.timeoutMs) + 45_000;

/** Promotions that meet an index, or a cluster, that does not let them go on (invariant 13). */
export function stuckTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  const stuckAt = [
    { what: "before a follower is detached", kind: "pause_hangs", step: "pause-follow", detached: false },
    { what: "after followers were detached", kind: "unfollow_hangs", step: "unfollow", detached: true },
  ] as const;
  test.each(stuckAt)(
    "an operator aborts a failover that cannot go on $what: gra serves again, and no write is lost",
    {
      timeout: 300_000,
    },
    async ({ kind, step, detached }) => {
      const { system, router } = lab();
      const clients = applications();
      const before = rolesOf(await system.watchdogs.status());
      onTestFinished(() => misbehave(system, kind, null));
      // Of the two indices that the applications write to, one is in the way.
      await misbehave(system, kind, detached ? "*-by-way-of-gra" : "*");
      const beganAtMs = Date.now();
      await esFailoverDone(system, router, "failover", "--to", "bhs", "--force", "--yes", "--wait", "0");
      await untilStuckAt(system, step);
      const preview = await esFailoverDone(system, router, "abort", "--dry-run");
      expect(preview).toMatch(/^An abort would take effect at once: failover to bhs aborted: .*; routers open to gra/);
      if (detached) expect(preview).toMatch(/bhs has detached up to \d+ followers: it is salvaged/);
      const abortedAtMs = Date.now();
      expect(await esFailoverDone(system, router, "abort", "--reason", "it does not go on", "--yes")).toMatch(
        /The change is aborted: gra serves again\./,
      );
      expect(abortedAtMs - beganAtMs).toBeLessThan(BOUND_MS);
      await clients.served(20_000);
      for (const traffic of [clients.gra, clients.bhs]) {
        expect(longestOutageMs(traffic, beganAtMs)).toBeLessThan(BOUND_MS);
      }
      expect(clients.regionsInOrder(beganAtMs)).toEqual(["gra"]);

      await misbehave(system, kind, null);
      const { record } = await system.watchdogs.untilInSync();
      expect(record).toMatchObject({ active: "gra" });
      expect(rolesOf(await system.watchdogs.status())).not.toEqual(before);
      expect(await clients.missing()).toEqual(noneMissing);
    },
  );

  test("gra lost while a snapshot holds an index of bhs: the others serve within the bound, the index is named, and joins when the snapshot ends", {
    timeout: 600_000,
  }, async () => {
    const { system, router } = lab();
    const clients = applications();
    const held = "app-held-by-snapshot";
    const writer = await startTraffic(lab(), held);
    await fill(system, held);
    await writer.stop();
    const snapshot = new SlowSnapshot(lab(), held);
    onTestFinished(() => snapshot.discard());
    await snapshot.begin();

    const lostAtMs = Date.now();
    await system.hosts.cutPower("gra");
    const { record } = await system.watchdogs.until(
      "bhs serves",
      ({ record }) => record?.phase === "serving" && record.active === "bhs",
    );
    await acknowledged(clients.bhs, 20);
    expect(longestOutageMs(clients.bhs, lostAtMs)).toBeLessThan(BOUND_MS + AROUND_MS);
    expect(await snapshot.isRunning()).toBe(true);
    expect(record?.lastFailover).toMatchObject({
      missingIndices: [held],
      leftOut: [{ index: held, reason: expect.stringMatching(/could not be closed: .*being snapshotted/) }],
      toJoin: { indices: [held] },
    });
    const told = await esFailoverDone(system, router, "status");
    expect(told).toMatch(new RegExp(`missing +bhs lacks .*${held}`));
    expect(told).toMatch(new RegExp(`to join +${held}`));

    await snapshot.end();
    await system.watchdogs.until(
      "the index has joined",
      ({ record }) => record?.phase === "serving" && record.lastFailover?.missingIndices.length === 0,
    );
    expect((await writer.verify()).missing).toEqual([]);
    await system.hosts.powerOn("gra");
    await failBack(system);
    await clients.served();
    expect((await writer.verify()).missing).toEqual([]);
    expect(await clients.missing()).toEqual(noneMissing);
  });
}

/** Waits until a step of the promotion runs, and has not got on in its first attempt. */
async function untilStuckAt(system: TwoRegions, kind: StepKind): Promise<void> {
  await system.watchdogs.until(`the promotion is stuck at ${kind}`, ({ record, nowMs }) => {
    const step = record?.phase === "promoting" ? record.plan.steps.find((each) => each.kind === kind) : undefined;
    return step?.status === "running" && nowMs - (step.startedAtMs ?? nowMs) > STUCK_FOR_MS;
  });
}

/** What bhs's followers of a pattern do not do any more; null ends it. */
async function misbehave(system: TwoRegions, kind: string, pattern: string | null): Promise<void> {
  const persistent = { [`lab_ccr.misbehave.${kind}`]: pattern === null ? null : [pattern] };
  await asSuperuser(system, "bhs", { path: "/_cluster/settings", body: { persistent } });
}

const REPOSITORY = "/_snapshot/slow";
/** Of the index in its snapshot, which takes longer than the bound with all that comes before and after it. */
const BYTES_PER_SECOND = "1kb";
const FILLER_DOCUMENTS = 16;
/** In hexadecimal digits that Elasticsearch halves. */
const FILLER_BYTES = 20 << 10;

/** Gives an index of gra documents that no compression makes small. */
async function fill(system: TwoRegions, index: string): Promise<void> {
  for (let number = 0; number < FILLER_DOCUMENTS; number += 1) {
    const body = { filler: randomBytes(FILLER_BYTES).toString("hex") };
    await asSuperuser(system, "gra", { method: "PUT", path: `/${index}/_doc/filler-${number}`, body });
  }
}

/** A snapshot of one index of bhs that takes longer than a promotion. Each node has a directory of its own for it. */
class SlowSnapshot {
  readonly #lab: LabUnderTest;
  readonly #index: string;

  constructor(lab: LabUnderTest, index: string) {
    this.#lab = lab;
    this.#index = index;
  }

  async begin(): Promise<void> {
    const { system } = this.#lab;
    await this.#restartWith("-E path.repo=/var/lib/elasticsearch/repository");
    await system.watchdogs.untilInSync();
    const settings = { location: "slow", max_snapshot_bytes_per_sec: BYTES_PER_SECOND };
    // The directories are not one, which a verification would find; a first snapshot does not need them to be.
    // The nodes have restarted all at once: the first changes of the cluster's state may take longer than a request.
    await eventually("bhs has the repository", 60_000, async () => {
      await this.#ask("PUT", `${REPOSITORY}?verify=false`, { type: "fs", settings });
      return true;
    });
    const body = { indices: this.#index, include_global_state: false };
    await this.#ask("PUT", `${REPOSITORY}/nightly?wait_for_completion=false`, body);
    await until("the snapshot runs", 30_000, () => this.isRunning());
  }

  async isRunning(): Promise<boolean> {
    const { snapshots } = (await this.#lab.questions.ask("bhs", "/_snapshot/_status")) as {
      readonly snapshots: readonly { readonly indices: object }[];
    };
    return snapshots.some(({ indices }) => Object.keys(indices).includes(this.#index));
  }

  async end(): Promise<void> {
    // It ends, and answers, once what is being read at its slow rate has been read, which may take longer than a request may.
    const deletion = this.#ask("DELETE", `${REPOSITORY}/nightly?wait_for_completion=false`).catch(() => undefined);
    await until("the snapshot has ended", 240_000, async () => !(await this.isRunning()));
    await deletion;
  }

  async discard(): Promise<void> {
    await this.end().catch(() => undefined);
    await this.#ask("DELETE", REPOSITORY).catch(() => undefined);
  }

  #ask(method: "PUT" | "DELETE", path: string, body?: object): Promise<void> {
    return asSuperuser(this.#lab.system, "bhs", { method, path, body });
  }

  /** Provisioning has no setting for a repository's directory: a drop-in of the service adds it to the command. */
  async #restartWith(argument: string): Promise<void> {
    const { system, questions } = this.#lab;
    const script = `
set -eu
mkdir --parents /run/systemd/system/elasticsearch.service.d
systemctl cat elasticsearch | sed -n 's|^ExecStart=.*|[Service]\\nExecStart=\\n& '"$0"'|p' \\
  >/run/systemd/system/elasticsearch.service.d/repository.conf
systemctl daemon-reload
systemctl restart elasticsearch`;
    const nodes = await questions.nodesOf("bhs");
    await Promise.all(
      nodes.map(async (node) => {
        const command = ["bash", "-c", script, argument];
        const { exitCode, stderr } = await system.lab.exec(node, command, { timeoutMs: 180_000 });
        if (exitCode !== 0) throw new Error(`${node}: ${stderr}`);
      }),
    );
  }
}
