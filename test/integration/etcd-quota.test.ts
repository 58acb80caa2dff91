import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EtcdError } from "../../watchdog/adapters/etcd/errors.ts";
import { memberSpaces } from "../../watchdog/adapters/etcd/space.ts";
import { spaceWarning } from "../../watchdog/core/state/store-space.ts";
import type { MemberConfig } from "../../watchdog/etcd-member/config.ts";
import { defragmentMembers } from "../../watchdog/etcd-member/defragment.ts";
import { etcdCommand } from "./support/etcd-cluster.ts";
import { SeveralWatchdogs, sites } from "./support/several-watchdogs.ts";

const skipped = (await etcdCommand()) === null;
const quotaBytes = 8 * 1024 * 1024;

describe.skipIf(skipped)("three watchdogs on an etcd that reaches its quota (skipped without etcd)", () => {
  let all: SeveralWatchdogs;
  let fullSinceMs = 0;
  beforeAll(async () => {
    all = await SeveralWatchdogs.start({ quotaBytes });
    await all.untilSettled();
  });
  afterAll(async () => {
    await all?.stop();
  });

  /** Overwrites one key until etcd refuses: revisions that are not compacted fill the quota. */
  const fill = async () => {
    const client = all.etcd.client();
    const value = "x".repeat(512 * 1024);
    for (let n = 0; n < 100; n += 1) {
      const write = { compare: [], success: [{ put: "/es-failover/filler", value }], failure: [] };
      const refusal = await client.transact("filling", write).then(
        () => null,
        (error: unknown) => error,
      );
      if (refusal !== null) return refusal;
    }
    throw new Error("etcd takes more than its quota");
  };

  const memberConfig = async (): Promise<MemberConfig> => {
    const { authority, endpoints, rootCredentials, credentials } = all.etcd;
    const { certificate, key } = await authority.issue("administrator");
    const passwordFile = path.join(path.dirname(authority.caFile), "root-password");
    await writeFile(passwordFile, rootCredentials.password, { mode: 0o600 });
    return {
      name: "gra",
      members: endpoints.map((clientUrl, n) => ({ name: sites[n] ?? "", clientUrl, peerUrl: clientUrl })),
      dataDirectory: "/unused",
      environmentFile: "/unused",
      permissionFile: "/unused",
      caFile: authority.caFile,
      certificateFile: certificate,
      keyFile: key,
      root: { username: rootCredentials.username, passwordFile },
      user: { username: credentials.username, passwordFile },
      prefix: "/es-failover/",
    };
  };

  test("every status names the quota and the way out, and near it there is a warning", async () => {
    const refusal = await fill();
    fullSinceMs = Date.now();
    expect(refusal).toBeInstanceOf(EtcdError);
    expect(refusal).toMatchObject({ kind: "full", mayHaveTakenEffect: false });
    expect(spaceWarning(await memberSpaces(all.etcd.client(), quotaBytes))).toMatch(/of etcd's quota/);
    for (const site of sites) {
      await all.until(`${site} notices`, 20_000, () => (all.status(site)?.store.full ?? null) !== null);
      expect(all.status(site)?.store.full).toMatch(/etcd's quota is reached.*sudo es-failover etcd defragment/);
      await all.until(`${site} decides nothing`, 20_000, () =>
        /takes no write \(.*quota is reached.*nothing is decided/.test(all.status(site)?.summary ?? ""),
      );
    }
  });

  test("a promotion is refused with the reason", async () => {
    const command = { kind: "failover", to: "bhs", force: true, reason: null } as const;
    await expect(all.watchdog("bhs").command(command, "operator")).rejects.toThrow(/etcd's quota is reached/);
    expect(all.record()).toMatchObject({ phase: "serving", active: "gra", request: null });
  });

  test("routers go on, also one whose watchdog restarts and can get no lease", async () => {
    await all.stopOne("gra");
    await all.startOne("gra");
    const restartedAtMs = Date.now();
    await all.until("gra asks the others", 20_000, () => all.status("gra")?.failsafe?.lastAskedAtMs != null);
    // Longer than a ticket from before the restart lasts.
    await all.until(
      "it has asked for 8 s",
      20_000,
      () => (all.status("gra")?.failsafe?.lastAskedAtMs ?? 0) > restartedAtMs + 8_000,
    );
    expect(all.status("gra")?.router?.summary).toMatch(/by failsafe: the store gives no lease/);
    expect(all.bothOpenTo("gra")).toBe(true);
    expect(all.refusals.filter((atMs) => atMs >= fullSinceMs)).toEqual([]);
  });

  test("after `es-failover etcd defragment` all resumes, and a failover succeeds", async () => {
    const reported: string[] = [];
    await defragmentMembers({ config: await memberConfig(), report: (sentence) => reported.push(sentence) });
    expect(reported).toHaveLength(4);
    expect(reported.at(-1)).toBe("etcd takes writes.");
    for (const { bytes } of await memberSpaces(all.etcd.client(), quotaBytes)) {
      expect(bytes).toBeLessThan(quotaBytes / 2);
    }
    for (const site of sites) {
      await all.until(`${site} writes again`, 20_000, () => all.status(site)?.store.full === null);
    }
    await all.until("gra's router has a lease", 20_000, () => /routes to gra[^,]*$/.test(gra()?.summary ?? ""));
    expect(all.refusals.filter((atMs) => atMs >= fullSinceMs)).toEqual([]);
    all.clusters.gra.isLost = true;
    await all.until("routers open to bhs", 60_000, () => all.bothOpenTo("bhs"));
    expect(all.overlaps).toEqual([]);
  });

  const gra = () => all.status("gra")?.router;
});
