import { describe, expect, test } from "vitest";
import { confirmController } from "../../watchdog/controller/confirm.ts";
import { deleteConfirmed } from "../../watchdog/controller/delete-indices.ts";
import { runStep } from "../../watchdog/controller/steps/runner.ts";
import type { StepContext } from "../../watchdog/controller/steps/step.ts";
import { planRejoin } from "../../watchdog/core/plans/rejoin.ts";
import type { Cluster } from "../../watchdog/core/ports/cluster.ts";
import type { Salvage } from "../../watchdog/core/ports/salvage.ts";
import type { IndexState } from "../../watchdog/core/state/cluster.ts";
import { stepOf } from "../../watchdog/core/state/plan.ts";
import type { ServingRecord } from "../../watchdog/core/state/record.ts";
import { config, goodProbe, index, NOW_MS, serving, standbyView } from "./core-fixtures.ts";

const names = ["logs-1", "logs-2", "logs-3", "logs-4", "logs-5"];
const batchSize = 2;

const gra = standbyView({ region: "gra", followers: [], autoFollow: [], indices: names.map((name) => index(name)) });
const rejoining = (): ServingRecord => {
  const record = serving({ active: "bhs", epoch: 3 });
  return { ...record, plan: planRejoin(record, gra, "delete", NOW_MS) };
};

/** A former primary, and a store, as a process reaches them that its host pauses: no clock shows it. */
class PausedHost {
  readonly deleted: string[] = [];
  readonly calls: string[] = [];
  isController = true;
  record: ServingRecord = rejoining();
  indices = new Map<string, IndexState>(names.map((name) => [name, index(name, { writeBlocked: true })]));
  /** The call, counted from 1, before which the process is paused, and what happens meanwhile. */
  pause: { readonly beforeCall: number; readonly meanwhile: (host: PausedHost) => void } | null = null;
  pausedAt: string | null = null;

  call<T>(name: string, answer: () => T): Promise<T> {
    this.calls.push(name);
    if (this.calls.length === this.pause?.beforeCall) {
      this.pausedAt = name;
      this.deleted.length = 0;
      this.pause.meanwhile(this);
    }
    return Promise.resolve(answer());
  }

  cluster(): Partial<Cluster> {
    return {
      region: "gra",
      indices: () => this.call("indices", () => [...this.indices.values()]),
      uuids: (wanted) => this.call("uuids", () => new Map(wanted.flatMap((name) => this.#entry(name)))),
      deleteIndices: (wanted) =>
        this.call("delete", () => {
          for (const name of wanted) {
            this.deleted.push(this.indices.get(name)?.uuid ?? "none");
            this.indices.delete(name);
          }
        }),
      setWriteBlock: () => this.call("block", () => undefined),
    };
  }

  #entry(name: string): readonly (readonly [string, string])[] {
    const found = this.indices.get(name);
    return found === undefined ? [] : [[name, found.uuid]];
  }

  context(): StepContext {
    const parts = {
      actionBlockers: () => [],
      store: {
        readAsController: () =>
          this.call("confirm", () => (this.isController ? { record: this.record, revision: "1" } : null)),
      },
    };
    const begun = this.record;
    const salvage: Partial<Salvage> = {
      authorizeDelete: async (_divergence, _cluster, wanted) => ({
        authorized: wanted.map((name) => ({ name, uuid: this.indices.get(name)?.uuid ?? "" })),
      }),
    };
    const other: Partial<Cluster> = {
      region: "bhs",
      probe: async () => ({ ...goodProbe }),
      indices: async () => names.map((name) => index(name)),
    };
    const context: Partial<Omit<StepContext, "cluster" | "other" | "salvage">> = {
      record: { ...begun, plan: begun.plan ?? rejoinPlan() },
      config: { ...config, promotion: { ...config.promotion, batchSize } },
      assertStillController: () => undefined,
      confirmController: () =>
        confirmController(parts as never, (now) => now.paused === null && now.epoch === begun.epoch),
    };
    return { ...context, cluster: this.cluster(), other, salvage } as StepContext;
  }
}

function rejoinPlan() {
  const { plan } = rejoining();
  if (plan === null) throw new Error("a rejoin has a plan");
  return plan;
}

async function clearWith(pause: PausedHost["pause"]): Promise<PausedHost & { readonly error: unknown }> {
  const host = new PausedHost();
  host.pause = pause;
  const step = stepOf(rejoinPlan(), "clear");
  if (step === null) throw new Error("a rejoin clears");
  const error = await runStep(host.context(), step).then(
    () => null,
    (reason: unknown) => reason,
  );
  return Object.assign(host, { error });
}

/** Every index is another one by now, as after a new copy of the active region. */
const replaceIndices = (host: PausedHost) => {
  for (const name of host.indices.keys()) host.indices.set(name, index(name, { uuid: `new-${name}`, following: true }));
};

const happenings: Record<string, (host: PausedHost) => void> = {
  "another watchdog becomes the controller": (host) => {
    host.isController = false;
  },
  "the region becomes active": (host) => {
    host.record = { ...host.record, epoch: 5, active: "gra", plan: null };
  },
  "an operator pauses automatic changes": (host) => {
    host.record = { ...host.record, paused: { by: "alice", sinceMs: NOW_MS, reason: "wait" } };
  },
  "the region becomes active with new copies": (host) => {
    host.isController = false;
    replaceIndices(host);
  },
};

describe("a clearing of a former primary", () => {
  test("deletes in batches, and confirms leadership and record in the store right before each", async () => {
    const { deleted, calls, error } = await clearWith(null);
    expect(error).toBeNull();
    expect(deleted).toEqual(names.map((name) => `uuid-${name}`));
    const before = calls.flatMap((name, at) => (name === "delete" ? [calls.slice(at - 2, at)] : []));
    expect(before).toEqual(Array.from({ length: 3 }, () => ["uuids", "confirm"]));
  });

  describe.each(Object.entries(happenings))("whose host is paused while %s", (_happening, meanwhile) => {
    test("deletes nothing more once it resumes, at whatever call it was paused", async () => {
      const { calls } = await clearWith(null);
      const first = calls.indexOf("uuids") + 1;
      for (let beforeCall = first; beforeCall <= calls.lastIndexOf("delete"); beforeCall += 1) {
        // The limit: no request has a precondition on a pause after the last answer of the store.
        if (calls[beforeCall - 1] === "delete") continue;
        const { deleted, pausedAt } = await clearWith({ beforeCall, meanwhile });
        expect(deleted, `paused before ${beforeCall}: ${pausedAt}`).toEqual([]);
      }
    });
  });
});

describe("a confirmed deletion", () => {
  const deleteNow = async (indices: PausedHost, confirm: () => Promise<void>) =>
    deleteConfirmed(indices.cluster() as Cluster, [index("logs-1")], confirm);

  test("of an index that is gone asks for no confirmation and deletes nothing", async () => {
    const host = new PausedHost();
    host.indices.delete("logs-1");
    await deleteNow(host, () => Promise.reject(new Error("asked")));
    expect(host.calls).toEqual(["uuids"]);
  });

  test("refuses when another index has that name by now", async () => {
    const host = new PausedHost();
    replaceIndices(host);
    await expect(deleteNow(host, () => Promise.resolve())).rejects.toThrow("logs-1 of gra is another index by now");
    expect(host.calls).toEqual(["uuids"]);
  });

  test("that is not confirmed deletes nothing", async () => {
    const host = new PausedHost();
    await expect(deleteNow(host, () => Promise.reject(new Error("not the controller")))).rejects.toThrow(
      "not the controller",
    );
    expect(host.deleted).toEqual([]);
  });
});
