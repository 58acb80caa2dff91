import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createTestAuthority } from "../../lab/elasticsearch/certificates.ts";
import { regions, stacks } from "../../lab/system/configuration.ts";
import type { CurlRequest } from "../../lab/system/curl.ts";
import { controller } from "../../lab/system/hosts.ts";
import type { LabUnderTest } from "./support/lab-under-test.ts";
import type { UserName } from "./support/questions.ts";
import { allDoors, type Door, openFor } from "./support/reachability.ts";
import { foundInDirectory, foundOnHost, namesIn, secretsOf } from "./support/secrets.ts";

/** The provisioned system: repeatable, without leaked secrets or undeclared ports, and closed to strangers. */
export function provisioningTests(lab: () => LabUnderTest): void {
  test("a second `pulumi up` of every site changes nothing", { timeout: 120_000 }, async () => {
    const { system, pulumi } = lab();
    const changes = await Promise.all(stacks.map((stack) => system.up(stack, pulumi.say, ["--expect-no-changes"])));
    for (const change of changes) {
      // The smallest stack is the witness: one host without data.
      expect(change.same).toBeGreaterThan(25);
      expect(Object.keys(change)).toEqual(["same"]);
    }
  });

  test("no password or private key is in the engine's files and output, in a journal, in process arguments, or in a file that everyone may read", {
    timeout: 240_000,
  }, async () => {
    const { system, pulumi } = lab();
    const secrets = await secretsOf(system);
    expect(secrets.size).toBeGreaterThan(15);
    expect(await foundInDirectory(system.engine.directory, secrets)).toEqual([]);
    expect(namesIn(pulumi.lines.join("\n"), secrets)).toEqual([]);
    const hosts = await system.hosts.names(/./);
    expect((await Promise.all(hosts.map((host) => foundOnHost(system, host, secrets)))).flat()).toEqual([]);
  });

  test("every declared flow is open, and every other port of every host is closed", {
    timeout: 240_000,
  }, async () => {
    const { system } = lab();
    const stranger = "gra-stranger";
    const addressNoRuleNames = "192.168.1.77";
    await system.lab.addHost({
      ...{ name: stranger, region: "gra", privateIp: addressNoRuleNames },
      ...{ authorizedKeys: [], ingress: [], volumes: [] },
    });
    onTestFinished(() => system.lab.removeHost(stranger));

    const isNode = (host: string) => /-es-/.test(host);
    const isRouter = (host: string) => /-haproxy-/.test(host);
    const hasWatchdog = (host: string) => isRouter(host) || /^witness-/.test(host);
    const betweenWatchdogs = [2379, 2380, 9443];
    const mayOpen = (from: string, { host, network, port }: Door): boolean => {
      if (host === stranger) return false;
      if (from === controller) return network === "public" && (port === 22 || (port === 9200 && isRouter(host)));
      if (network === "public") return false;
      if (hasWatchdog(host) && betweenWatchdogs.includes(port)) return hasWatchdog(from);
      if (!isNode(host)) return isRouter(host) && port === 9200;
      return port === 9200 ? hasWatchdog(from) : port === 9300 && isNode(from);
    };
    const doors = await allDoors(system);
    expect(doors.map(({ port }) => port)).toEqual(expect.arrayContaining([22, 9200, 9300, 8404, ...betweenWatchdogs]));
    const names = (some: readonly Door[]) => some.map((door) => `${door.host} (${door.network}) ${door.port}`).sort();
    const knockFrom = async (places: readonly string[]) => {
      for (const from of places) {
        const others = doors.filter(({ host }) => host !== from);
        const declared = others.filter((door) => mayOpen(from, door));
        const open = await openFor(system, from, others, (door) => declared.includes(door));
        expect({ from, open: names(open) }).toEqual({ from, open: names(declared) });
      }
    };
    await Promise.all([
      knockFrom(await system.hosts.names(/^gra-/)),
      knockFrom([controller, ...(await system.hosts.names(/^(bhs|witness)-/))]),
    ]);
  });

  test("the entry, the nodes and the connections between nodes trust no other certificate authority", {
    timeout: 60_000,
  }, async () => {
    const { system, questions, router, scratch } = lab();
    const notTrusted = 60;
    const stranger = await createTestAuthority("another authority");
    const [asking = "", asked = ""] = await questions.nodesOf("gra");
    const theirs = await stranger.issue(asking, { ips: [], hosts: [asking] });
    const { url, ca } = await system.entry();
    const put = async (from: string, name: string, content: string): Promise<string> => {
      const file = from === controller ? path.join(scratch, "tmp", name) : `/run/${name}`;
      await system.hosts.run(from, ["tee", file], content);
      onTestFinished(async () => void (await system.hosts.run(from, ["rm", file])));
      return file;
    };

    const entry = async (authority: string) =>
      system.hosts.request(controller, { url, caFile: await put(controller, "ca.crt", authority) });
    expect((await entry(stranger.certificate)).exitCode).toBe(notTrusted);
    expect((await entry(ca)).exitCode).toBe(0);

    const node = async (authority: string) =>
      system.hosts.request(router, {
        url: await questions.privateUrl(asked),
        caFile: await put(router, "ca.crt", authority),
      });
    expect((await node(stranger.certificate)).exitCode).toBe(notTrusted);
    expect((await node(ca)).exitCode).toBe(0);

    const transport = (await questions.privateUrl(asked)).replace("9200", "9300");
    const handshake = (client?: CurlRequest["client"]) =>
      system.hosts.request(asking, {
        ...{ url: transport, caFile: "/etc/elasticsearch/certs/ca.crt" },
        ...(client === undefined ? {} : { client }),
      });
    const certs = "/etc/elasticsearch/certs";
    const ours = await handshake({ certificateFile: `${certs}/node.crt`, keyFile: `${certs}/node.key` });
    // After the TLS handshake a node answers in plain text that this is no HTTP port, which curl reads as HTTP/0.9.
    expect(ours.error).toContain("HTTP/0.9");
    const strangers = {
      certificateFile: await put(asking, "stranger.crt", theirs.certificate),
      keyFile: await put(asking, "stranger.key", theirs.key),
    };
    for (const refused of [await handshake(), await handshake(strangers)]) {
      expect(refused).toMatchObject({ status: 0, error: expect.stringMatching(/alert|reset/i) });
    }
  });

  test("requests without valid credentials are refused, and so is every request beyond a user's role", {
    timeout: 60_000,
  }, async () => {
    const { system, questions, router } = lab();
    const entry = (await system.entry()).url;
    const nodes = await Promise.all(
      regions.map(async (region) => questions.privateUrl((await questions.nodesOf(region))[0] ?? "")),
    );
    const own = `${entry.replace(/\/\/[^:]+/, `//${(await system.lab.host(router))?.privateIp}`)}`;
    const caFile = "/etc/es-failover/ca.crt";
    for (const url of [own, ...nodes]) {
      expect((await system.hosts.request(router, { url, caFile })).status).toBe(401);
      const user = { name: "app", password: `${questions.passwordOf("app")}x` };
      expect((await system.hosts.request(router, { url, caFile, user })).status).toBe(401);
    }

    expect((await questions.asUser("app", `${own}/app-rights/_doc/1`, { method: "PUT", body: {} })).status).toBe(201);
    type Attempt = readonly [method: NonNullable<CurlRequest["method"]>, api: string, body?: unknown];
    const beyondEverybody: readonly Attempt[] = [
      ["GET", "/_security/user"],
      ["PUT", "/_security/user/app", { password: "another-password", roles: ["superuser"] }],
      ["PUT", "/_security/role/es_failover_app", { cluster: ["all"] }],
      ["PUT", "/_cluster/settings", { persistent: { "cluster.routing.allocation.enable": "none" } }],
      ["GET", "/.security-7/_search"],
      ["GET", "/other/_search"],
      ["PUT", "/other/_doc/1", {}],
      ["DELETE", "/other"],
      ["POST", "/_cluster/reroute"],
      ["DELETE", "/_license"],
    ];
    const beyondApplications: readonly Attempt[] = [
      ["GET", "/_cluster/health"],
      ["DELETE", "/app-rights"],
      ["PUT", "/app-rights/_settings", { "index.blocks.write": true }],
      ["POST", "/app-rights/_ccr/pause_follow"],
      ["DELETE", "/_ccr/auto_follow/es-failover-from-gra"],
    ];
    const beyondChecks: readonly Attempt[] = [
      ["GET", "/app-rights/_search"],
      ["PUT", "/app-rights/_doc/2", {}],
      ["DELETE", "/app-rights"],
      ["POST", "/app-rights/_ccr/pause_follow"],
    ];
    const refused = async (user: UserName, attempts: readonly Attempt[]) => {
      for (const url of [own, ...nodes]) {
        const statuses = await Promise.all(
          attempts.map(async ([method, api, body]) => {
            const { status } = await questions.asUser(user, `${url}${api}`, {
              method,
              ...(body === undefined ? {} : { body }),
            });
            return `${method} ${api}: ${status}`;
          }),
        );
        expect({ user, url, statuses }).toEqual({
          ...{ user, url },
          statuses: attempts.map(([method, api]) => `${method} ${api}: 403`),
        });
      }
    };
    await refused("app", [...beyondEverybody, ...beyondApplications]);
    await refused("haproxy-check", [...beyondEverybody, ...beyondChecks]);
    await refused(
      "es-failover",
      // It reads users and roles, to compare the regions, and changes none.
      beyondEverybody.filter(([method, api]) => method !== "GET" || api !== "/_security/user"),
    );
  });
}
