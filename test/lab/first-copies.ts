import { expect, onTestFinished, test } from "vitest";
import type { TwoRegions } from "../../lab/system/two-regions.ts";
import type { WatchdogStatus } from "../../watchdog/controller/status.ts";
import { acknowledged, longestOutageMs } from "./support/application.ts";
import { type BothEntries, noneMissing } from "./support/both-entries.ts";
import { copySpeed, SLOW_BYTES_PER_SECOND } from "./support/copy-speed.ts";
import { checks, type LabUnderTest } from "./support/lab-under-test.ts";
import { esFailoverDone, failBack } from "./support/operator.ts";
import type { Questions } from "./support/questions.ts";

const PROTECTED = 20;
const protectedIndices = Array.from({ length: PROTECTED }, (_, n) => `app-small-${n}`);
const copyingIndices = ["app-new-1", "app-new-2"];

/**
 * Detection, leases that end, and a promotion of twenty indices, each of which takes two changes of the cluster's state on
 * a machine that six Elasticsearch nodes keep busy. The copies would take a quarter of an hour.
 */
const USUAL_OUTAGE_MS = checks.failThreshold * (checks.intervalMs + checks.timeoutMs) + 90_000;

/** First copies by files, which Elasticsearch's CCR takes when an index is followed: they may last for hours. */
export function firstCopyTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test("gra lost with two indices in their first copy and twenty in sync: the twenty serve within the usual time, the two are named and come home", {
    timeout: 600_000,
  }, async () => {
    const { system, questions, router } = lab();
    const clients = applications();
    const documents = new Documents(system, questions);
    for (const index of protectedIndices) await documents.write(index, "before", "small");
    await system.watchdogs.until(
      "the twenty are protected",
      (status) => isInSync(status) && protectedIndices.every((index) => !unprotectedOf(status).includes(index)),
    );
    onTestFinished(() => copySpeed(system, "bhs", null));
    await copySpeed(system, "bhs", SLOW_BYTES_PER_SECOND);
    for (const index of copyingIndices) await documents.write(index, "before", "small");
    const copying = await system.watchdogs.until(
      "the two are being copied, and the standby is still in sync",
      (status) =>
        isInSync(status) &&
        copyingIndices.every((index) =>
          status.replication?.unprotected.some((each) => each.index === index && each.state === "copying"),
        ),
    );
    expect(unprotectedOf(copying)).toEqual(copyingIndices);
    expect(await esFailoverDone(system, router, "status")).toMatch(
      /app-new-1 is still being copied: .*; new, so the others stay protected/,
    );

    const lostAtMs = Date.now();
    await system.hosts.killElasticsearch("gra");
    const { record } = await system.watchdogs.until(
      "bhs serves",
      ({ record }) => record?.phase === "serving" && record.active === "bhs",
    );
    await acknowledged(clients.bhs, 20);
    expect(longestOutageMs(clients.bhs, lostAtMs)).toBeLessThan(USUAL_OUTAGE_MS);
    for (const index of protectedIndices) {
      expect(await documents.read(index, "before")).toBe("small");
      await documents.write(index, "after", "small");
    }
    expect(record?.lastFailover?.leftOut.map(({ index }) => index)).toEqual(copyingIndices);
    expect(record?.lastFailover?.missingIndices).toEqual(copyingIndices);
    const told = await esFailoverDone(system, router, "status");
    for (const index of copyingIndices) expect(told).toContain(index);

    await copySpeed(system, "bhs", null);
    await system.hosts.startElasticsearch("gra");
    await failBack(system);
    await clients.served();
    for (const index of copyingIndices) expect(await documents.read(index, "before")).toBe("small");
    for (const index of protectedIndices) expect(await documents.read(index, "after")).toBe("small");
    expect(await clients.missing()).toEqual(noneMissing);
  });
}

const isInSync = ({ record, replication }: WatchdogStatus) =>
  record?.phase === "serving" && record.standby === "in-sync" && replication?.inSync === true;

const unprotectedOf = ({ replication }: WatchdogStatus) =>
  (replication?.unprotected ?? []).map(({ index }) => index).toSorted();

/** Documents that the application writes and reads through the entry of bhs. */
class Documents {
  readonly #system: TwoRegions;
  readonly #questions: Questions;

  constructor(system: TwoRegions, questions: Questions) {
    this.#system = system;
    this.#questions = questions;
  }

  async write(index: string, id: string, text: string): Promise<void> {
    await this.#send("PUT", `/${index}/_doc/${id}`, { text });
  }

  async read(index: string, id: string): Promise<string> {
    return (JSON.parse(await this.#send("GET", `/${index}/_source/${id}`)) as { text: string }).text;
  }

  async #send(method: "GET" | "PUT", path: string, body?: object): Promise<string> {
    const { url } = await this.#system.entry();
    const answer = await this.#questions.asUser("app", `${url}${path}`, { method, body });
    if (answer.status < 300 && answer.exitCode === 0) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${answer.body.slice(0, 300)}${answer.error}`);
  }
}
