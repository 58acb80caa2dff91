/** Elasticsearch is upgraded, in a lab of its own that begins with an earlier version. */
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { earlierElasticsearchVersion, elasticsearchVersion } from "../../lab/elasticsearch/version.ts";
import { labObstacles } from "../../lab/hosts/preflight.ts";
import type { Region } from "../../lab/system/configuration.ts";
import { longestOutageMs } from "./support/application.ts";
import { BothEntries, noneMissing } from "./support/both-entries.ts";
import { isLong, type LabUnderTest, longMode, settings } from "./support/lab-under-test.ts";
import { labPlace, ownLab } from "./support/start-lab.ts";
import { rolesOf } from "./support/watching.ts";

const obstacles = [...(isLong ? [] : [`${longMode}=long runs it.`]), ...(await labObstacles(labPlace))];
const title = (name: string): string => (obstacles.length === 0 ? name : `${name} (skipped: ${obstacles.join(" ")})`);

/** Each `pulumi up` keeps both processors of a small machine busy, and requests wait. */
const HICCUP_MS = 10_000;

describe.skipIf(obstacles.length > 0)(title("two regions with an earlier version of Elasticsearch"), () => {
  const own = ownLab();
  let lab: LabUnderTest;
  let clients: BothEntries;

  beforeAll(async () => {
    lab = await own.start({ ...settings, elasticsearchVersion: earlierElasticsearchVersion });
    clients = await BothEntries.start(lab.system, "app");
    await clients.served();
    await lab.system.watchdogs.untilInSync();
  }, 900_000);

  afterAll(async () => {
    await clients?.close();
    await own.remove();
  }, 60_000);

  beforeEach(() => {
    onTestFailed(async () => console.error(await lab.system.watchdogs.describe()));
  });

  test("are upgraded node by node, the standby first: writes go on, nothing fails over, and the standby is in sync after each region", {
    timeout: 1_200_000,
  }, async () => {
    const { system, pulumi } = lab;
    const before = rolesOf(await system.watchdogs.status());
    expect(before).toMatchObject({ active: "gra" });
    const beganAtMs = Date.now();
    const earlier = [earlierElasticsearchVersion, earlierElasticsearchVersion, earlierElasticsearchVersion];
    const later = [elasticsearchVersion, elasticsearchVersion, elasticsearchVersion];
    expect([await versionsIn(lab, "gra"), await versionsIn(lab, "bhs")]).toEqual([earlier, earlier]);

    await system.configure("bhs", settings);
    await system.up("bhs", pulumi.say);
    expect([await versionsIn(lab, "gra"), await versionsIn(lab, "bhs")]).toEqual([earlier, later]);
    expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);

    await system.configure("gra", settings);
    await system.up("gra", pulumi.say);
    expect([await versionsIn(lab, "gra"), await versionsIn(lab, "bhs")]).toEqual([later, later]);
    expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);

    await clients.served();
    expect(longestOutageMs(clients.gra, beganAtMs)).toBeLessThan(HICCUP_MS);
    expect(longestOutageMs(clients.bhs, beganAtMs)).toBeLessThan(HICCUP_MS);
    expect(clients.regionsInOrder(beganAtMs)).toEqual(["gra"]);
    expect(await clients.missing()).toEqual(noneMissing);
  });
});

async function versionsIn({ questions }: LabUnderTest, region: Region): Promise<readonly string[]> {
  const nodes = (await questions.ask(region, "/_cat/nodes?format=json&h=version")) as { readonly version: string }[];
  return nodes.map(({ version }) => version);
}
