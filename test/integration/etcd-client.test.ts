import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../lab/util/until.ts";
import { addLearner, members, promoteLearner, removeMember } from "../../watchdog/adapters/etcd/admin.ts";
import type { EtcdClient } from "../../watchdog/adapters/etcd/client.ts";
import { EtcdError } from "../../watchdog/adapters/etcd/errors.ts";
import { grantLease, keepLeaseAlive } from "../../watchdog/adapters/etcd/leases.ts";
import { TestAuthority } from "./support/certificates.ts";
import { clientTls, EtcdCluster, etcdCommand } from "./support/etcd-cluster.ts";

const skipped = (await etcdCommand()) === null;
const put = (key: string, value: string) => ({ compare: [], success: [{ put: key, value }], failure: [] });

/** The error that a call fails with, and the time until it came. */
async function failure(call: Promise<unknown>): Promise<{ error: EtcdError; tookMs: number }> {
  const startedMs = performance.now();
  const error = await call.then(
    () => new Error("the call succeeded"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof EtcdError)) throw error;
  return { error, tookMs: performance.now() - startedMs };
}

describe.skipIf(skipped)("the client with three real members (skipped where set-up has not brought etcd)", () => {
  let cluster: EtcdCluster;
  beforeAll(async () => {
    cluster = await EtcdCluster.start();
  });
  afterAll(async () => {
    await cluster?.stop();
  });

  describe("access", () => {
    test("a value with any character is read back as it was written", async () => {
      const client = cluster.client();
      const value = JSON.stringify({ text: 'äöü \u{1f30d} "quoted"\n', zero: "\0" });
      await client.transact("write", put("/es-failover/text", value));
      expect((await client.get("/es-failover/text"))?.value).toBe(value);
    });

    test("the client refuses a member whose certificate is from another authority, and members refuse such a client", async () => {
      const directory = await mkdtemp(path.join(tmpdir(), "es-failover-ca-"));
      try {
        const other = await TestAuthority.create(directory, "other");
        const stranger = await clientTls(other, "stranger");
        const doubting = cluster.client({ tls: { ...cluster.tls, ca: stranger.ca } });
        const { error } = await failure(doubting.get("/es-failover/text"));
        expect(error).toMatchObject({ kind: "unreachable", mayHaveTakenEffect: false });
        expect(error.message).toMatch(/certificate/);
        const strange = cluster.client({ tls: { ...stranger, ca: cluster.tls.ca } });
        const refused = await failure(strange.transact("write", put("/es-failover/text", "x")));
        expect(refused.error).toMatchObject({ kind: "unauthorized", mayHaveTakenEffect: false });
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    });

    test("a client certificate with a CommonName is refused with the remedy", async () => {
      const tls = await clientTls(cluster.authority, "named", "/CN=es-failover");
      const { error } = await failure(cluster.client({ tls }).get("/es-failover/text"));
      expect(error.kind).toBe("unauthorized");
      expect(error.message).toContain("has a CommonName");
    });

    test.each([
      ["a wrong password", { username: "es-failover", password: "wrong" }],
      ["an unknown user", { username: "nobody", password: "wrong" }],
      ["no user at all", null],
    ])("%s is refused", async (_, credentials) => {
      const { error } = await failure(cluster.client({ credentials }).get("/es-failover/text"));
      expect(error.kind).toBe("unauthorized");
      expect(error.message).not.toContain("wrong");
    });

    test("the watchdogs' user is refused outside its prefix", async () => {
      const { error } = await failure(cluster.client().transact("write", put("/elsewhere", "x")));
      expect(error.kind).toBe("unauthorized");
      expect(error.message).toContain("permission denied");
    });

    test("a member is added as a learner and removed; one that has not caught up is not promoted to a voter", async () => {
      const root = cluster.client({ credentials: cluster.rootCredentials });
      // etcd changes its members only when all of them have been connected for some seconds.
      await until("etcd takes a new member", 20_000, async () =>
        addLearner(root, "https://127.0.0.1:1").then(
          () => true,
          (error: unknown) => {
            expect(error).toMatchObject({ kind: "rejected" });
            return false;
          },
        ),
      );
      const added = (await members(root)).find(({ peerURLs }) => peerURLs.includes("https://127.0.0.1:1"));
      if (added === undefined) throw new Error("the new member is not listed");
      expect(added.isLearner).toBe(true);
      // On a busy machine a request may time out, which proves nothing: only a rejection by etcd does.
      await until("etcd refuses to make it a voter", 20_000, async () => {
        const { error } = await failure(promoteLearner(root, added.id));
        return error.kind === "rejected";
      });
      expect((await members(root)).find(({ id }) => id === added.id)?.isLearner).toBe(true);
      await removeMember(root, added.id);
      expect(await members(root)).toHaveLength(3);
    });
  });

  describe("failing members", () => {
    let client: EtcdClient;
    beforeAll(() => {
      client = cluster.client();
    });
    afterEach(async () => {
      await cluster.heal();
    });
    const works = async () => {
      await client.transact("write", put("/es-failover/x", "1"));
      expect((await client.get("/es-failover/x"))?.value).toBe("1");
    };
    const worksAgain = () =>
      until("reads and writes work again", 15_000, async () =>
        works().then(
          () => true,
          () => false,
        ),
      );

    test("no call fails when restarted members have forgotten the client's token", async () => {
      await works();
      for (const member of cluster.members) await member.kill();
      await cluster.heal();
      await works();
    });

    test.each(["killed", "frozen"] as const)(
      "with a leader that is %s every call ends by its deadline, and reads and writes soon work again",
      async (how) => {
        await works();
        const leader = await cluster.leader();
        if (how === "killed") await leader.kill();
        else await leader.freeze();
        const startedMs = performance.now();
        await client.get("/es-failover/x").catch((error: unknown) => expect(error).toBeInstanceOf(EtcdError));
        expect(performance.now() - startedMs).toBeLessThan(3_500);
        await worksAgain();
      },
    );

    test("with all members stopped a call fails at once and names each of them", async () => {
      await works();
      for (const member of cluster.members) await member.kill();
      // The first call may still use connections that are being closed.
      await failure(client.get("/es-failover/x"));
      const { error, tookMs } = await failure(client.transact("write of x", put("/es-failover/x", "2")));
      expect(error).toMatchObject({ kind: "unreachable", mayHaveTakenEffect: false });
      expect(error.message).toContain("write of x");
      for (const endpoint of cluster.endpoints) expect(error.message).toContain(endpoint);
      expect(tookMs).toBeLessThan(500);
      await cluster.heal();
      await worksAgain();
    });

    test("without a quorum reads, writes and leases fail by the deadline, and soon with the missing majority as the reason", async () => {
      await works();
      const lease = await grantLease(client, 60);
      const leader = await cluster.leader();
      const [one, two] = cluster.members.filter((member) => member !== leader);
      await Promise.all([one?.kill(), two?.kill()]);
      const read = await failure(client.get("/es-failover/x"));
      expect(read.tookMs).toBeLessThan(3_500);
      await until("the last member knows that it has no quorum", 10_000, async () => {
        const { error, tookMs } = await failure(client.transact("write", put("/es-failover/x", "3")));
        expect(tookMs).toBeLessThan(3_500);
        return error.kind === "no-quorum" && !error.mayHaveTakenEffect;
      });
      expect((await failure(client.get("/es-failover/x"))).error.kind).toBe("no-quorum");
      expect((await failure(grantLease(client, 10))).error.kind).toBe("no-quorum");
      expect((await failure(keepLeaseAlive(client, lease.id))).error.kind).toBe("no-quorum");
      await cluster.heal();
      await worksAgain();
    });
  });
});
