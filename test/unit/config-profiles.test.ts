import { describe, expect, test } from "vitest";
import { etcdSettings } from "../../infra/etcd/etcd-files.ts";
import { hostsOf, regionPlan } from "../../infra/topology/model.ts";
import { planTopology } from "../../infra/topology/plan.ts";
import { profileNames, profiles } from "../../watchdog/config/profiles.ts";
import { type WatchdogConfig, type WatchdogConfigInput, watchdogConfigSchema } from "../../watchdog/config/schema.ts";
import { timingViolations } from "../../watchdog/config/timing.ts";
import { testConfig } from "./infra-fixtures.ts";

const files = { caFile: "/ca", certificateFile: "/c", keyFile: "/k" };

function configWith(checks: NonNullable<WatchdogConfigInput["checks"]>, changes: object = {}): WatchdogConfig {
  return watchdogConfigSchema.parse({
    name: "gra-haproxy-1",
    site: "gra",
    regions: { gra: { nodes: ["https://192.168.1.11:9200"] }, bhs: { nodes: ["https://192.168.2.11:9200"] } },
    firstPrimary: "gra",
    elasticsearch: { username: "es-failover", passwordFile: "/p", caFile: "/ca" },
    replication: { patterns: ["app-*"] },
    store: { kind: "etcd", endpoints: ["https://192.168.1.101:2379"], username: "e", passwordFile: "/p", ...files },
    failsafe: { listen: "192.168.1.101:9443", url: "https://192.168.1.101:9443", ...files },
    router: {},
    checks,
    ...changes,
  });
}

describe.each(profileNames)("the %s profile", (profile) => {
  const config = configWith({ profile });

  test("sets every timing that the file leaves out, and keeps every timing rule", () => {
    const { checks, router, leases, store, failsafe } = profiles[profile];
    expect(config).toMatchObject({ checks, router, leases, store, failsafe });
    expect(timingViolations(config)).toEqual([]);
  });

  test("sets the same election timeout on the members of etcd as in the watchdog's rules about leases", () => {
    const stack = testConfig({ checks: JSON.stringify({ profile }) });
    const [host] = hostsOf(regionPlan(planTopology(stack), "gra"), "haproxy");
    if (host === undefined) throw new Error("no HAProxy host");
    expect(etcdSettings({ host, config: stack })).toContain(
      `ETCD_ELECTION_TIMEOUT=${config.store.kind === "etcd" ? config.store.electionTimeoutMs : "none"}\n`,
    );
  });

  test("allows an election timeout of at least five heartbeats, as etcd demands", () => {
    const { store, etcd } = profiles[profile];
    expect(store.electionTimeoutMs).toBeGreaterThanOrEqual(5 * etcd.heartbeatMs);
  });
});

test("a timing in the file replaces the profile's, and nothing else of the section", () => {
  const { checks, leases } = configWith({ profile: "fast", timeoutMs: 900 }, { leases: { marginMs: 500 } });
  expect(checks).toMatchObject({ profile: "fast", ...profiles.fast.checks, timeoutMs: 900 });
  expect(leases).toEqual({ ...profiles.fast.leases, marginMs: 500 });
});
