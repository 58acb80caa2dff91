import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StackConfig } from "../../infra/config/schema.ts";
import { parseCidr } from "../../infra/ipv4.ts";
import { firewallGroupsOf, type Host, ingressOf, type Topology } from "../../infra/topology/model.ts";
import { planTopology } from "../../infra/topology/plan.ts";
import { monitoringChanges, testConfig, virtualAddressChanges } from "./infra-fixtures.ts";

type PlanInput = Parameters<typeof planTopology>[0];

const vrack = "192.168.0.0/16";
const cidrOf = (octets: readonly [number, number, number]) => `${octets.join(".")}.0/24`;
/** Networks outside the private one and those that this test uses for unknown senders. */
const outsideCidr = fc.tuple(fc.integer({ min: 1, max: 99 }), fc.nat(255), fc.nat(255)).map(cidrOf);

const regionConfig = fc.record({
  elasticsearchNodes: fc.integer({ min: 1, max: 12 }),
  haproxyNodes: fc.integer({ min: 1, max: 6 }),
  zones: fc.constantFrom<string[]>(["z1"], ["z1", "z2"], ["z1", "z2", "z3"]),
  publicAddresses: fc.constantFrom("all", "entries", "none"),
});

const bastion = {
  host: "203.0.113.10",
  port: 22,
  user: "jump",
  hostKey: "ssh-ed25519 AAAA",
  privateIp: "192.168.254.5",
};

const planInput: fc.Arbitrary<PlanInput> = fc
  .record({
    first: regionConfig,
    second: regionConfig,
    subnets: fc.uniqueArray(fc.nat(253), { minLength: 3, maxLength: 3 }),
    witnessAddresses: fc.constantFrom("all", "none"),
    withBastion: fc.boolean(),
    withWitness: fc.boolean(),
    adminCidrs: fc.uniqueArray(outsideCidr, { minLength: 1, maxLength: 3 }),
    clientCidrs: fc.uniqueArray(outsideCidr, { maxLength: 3 }),
    scraperCidrs: fc.uniqueArray(outsideCidr, { maxLength: 2 }),
    readerCidrs: fc.uniqueArray(outsideCidr, { maxLength: 2 }),
    withEndpoint: fc.boolean(),
    withMonitoring: fc.boolean(),
    remoteClusterSecurity: fc.constantFrom("certificate", "api_key"),
  })
  .map(
    ({
      first,
      second,
      subnets: [a = 1, b = 2, c = 3],
      witnessAddresses,
      withBastion,
      withWitness,
      adminCidrs,
      clientCidrs,
      scraperCidrs,
      readerCidrs,
      withEndpoint,
      withMonitoring,
      remoteClusterSecurity,
    }) => ({
      regions: {
        gra: { ...first, ovhRegion: "GRA11", cidr: `192.168.${a}.0/24`, availabilityZones: false, gatewayModel: "S" },
        bhs: { ...second, ovhRegion: "BHS5", cidr: `192.168.${b}.0/24`, availabilityZones: false, gatewayModel: "M" },
      },
      witness: withWitness
        ? { ovhRegion: "DE1", cidr: `192.168.${c}.0/24`, publicAddresses: witnessAddresses, gatewayModel: "S" }
        : null,
      network: { cidr: vrack, vlanId: 42 },
      adminCidrs: withBastion ? [] : adminCidrs,
      bastion: withBastion ? bastion : null,
      clientCidrs,
      scraperCidrs,
      page: { authentication: "password", username: "operator", cidrs: readerCidrs },
      monitoring: withMonitoring ? monitoring : null,
      remoteClusterSecurity,
      endpointAddresses: withEndpoint ? { gra: { host: "gra.example.org", port: 9200 } } : null,
    }),
  );

const { monitoring } = testConfig(monitoringChanges);

/** Parsing dominates the half million flows that are checked, and few networks recur in all of them. */
const parsed = new Map<string, ReturnType<typeof parseCidr>>();
function network(cidr: string): ReturnType<typeof parseCidr> {
  if (!parsed.has(cidr)) parsed.set(cidr, parseCidr(cidr));
  return parsed.get(cidr);
}

const within = (address: string, cidr: string) => {
  const inner = network(`${address}/32`);
  const outer = network(cidr);
  return inner !== undefined && outer !== undefined && outer.first <= inner.first && inner.last <= outer.last;
};

/** What the rules of a host's security groups admit: the firewall's view. */
function admits(topology: Topology, from: string, to: Host, port: number): boolean {
  return firewallGroupsOf(topology, to)
    .flatMap((group) => ingressOf(topology, to.region, group))
    .some((rule) => rule.protocol === "tcp" && rule.port === port && within(from, rule.source));
}

/** Every port of the plan, and some that hosts listen on without being reachable from elsewhere. */
const knownPorts = [22, 9200, 9201, 9300, 9090, 9093, 9100, 9114, 8404, 8405, 2378, 2379, 2380, 2381, 9443, 9444, 9445];

type Sender = { readonly address: string; readonly host?: Host };

/** Which sender may reach what: an independent statement by the sender's part in the system. */
function mayReach(input: PlanInput, from: Sender, to: Host, port: number): boolean {
  const administrator = input.bastion
    ? from.address === input.bastion.privateIp
    : input.adminCidrs.some((cidr) => within(from.address, cidr));
  const client = within(from.address, vrack) || input.clientCidrs.some((cidr) => within(from.address, cidr));
  const several = input.witness !== null;
  const isWatchdog = from.host !== undefined && from.host.role !== "elasticsearch";
  const isPrometheus = input.monitoring != null && from.host?.role === "witness";
  if (port === 22) return administrator;
  if (port === 9100) return isPrometheus;
  if (to.role === "elasticsearch") {
    if (port === 9114) return isPrometheus;
    const isNode = from.host?.role === "elasticsearch";
    const isOfOtherRegion = from.host?.region !== to.region;
    const isKeyed = input.remoteClusterSecurity === "api_key";
    if (port === 9300) return isNode && !(isKeyed && isOfOtherRegion);
    if (port === 9443) return isNode && isKeyed && isOfOtherRegion;
    return port === 9200 && isWatchdog;
  }
  if (port === 9200) return to.role === "haproxy" && client;
  if (port === 9201) return to.role === "haproxy" && client && input.endpointAddresses !== null;
  if (port === 9444) {
    return isPrometheus || (input.scraperCidrs?.some((cidr) => within(from.address, cidr)) ?? false);
  }
  if (port === 8405) return to.role === "haproxy" && isPrometheus;
  if (port === 2381) return holdsEtcd(to) && isPrometheus;
  if (port === 9445) return input.page?.cidrs.some((cidr) => within(from.address, cidr)) ?? false;
  if (port === 9443) return several && isWatchdog;
  if (port === 2379) return several && holdsEtcd(to) && isWatchdog;
  if (port === 2378 || port === 2380)
    return several && holdsEtcd(to) && from.host !== undefined && holdsEtcd(from.host);
  return false;
}

/** One host per site. */
const holdsEtcd = (host: Host) => host.role === "witness" || (host.role === "haproxy" && host.index === 1);

function grow(input: PlanInput, region: string, role: "elasticsearchNodes" | "haproxyNodes"): PlanInput {
  const before = input.regions[region];
  if (before === undefined) throw new Error(`no region ${region}`);
  const regions: StackConfig["regions"] = { ...input.regions, [region]: { ...before, [role]: before[role] + 1 } };
  return { ...input, regions };
}

describe("the plan of all sites", () => {
  test("uses no name and no address twice, and pins addresses of a region in its own network", () => {
    fc.assert(
      fc.property(planInput, (input) => {
        const { hosts, regions, witness } = planTopology(input);
        expect(new Set(hosts.map(({ privateIp }) => privateIp)).size).toBe(hosts.length);
        expect(new Set(hosts.map(({ name }) => name)).size).toBe(hosts.length);
        for (const region of [...regions, ...(witness === null ? [] : [witness])])
          for (const host of region.hosts) expect(within(host.privateIp, region.cidr)).toBe(true);
      }),
    );
  });

  test("pins no address of the network's DHCP service", () => {
    fc.assert(
      fc.property(planInput, (input) => {
        const { hosts, regions, witness } = planTopology(input);
        const pools = [...regions, ...(witness === null ? [] : [witness])].map(({ allocationPool: { start, end } }) => [
          parseCidr(`${start}/32`)?.first ?? 0,
          parseCidr(`${end}/32`)?.first ?? 0,
        ]);
        for (const { privateIp } of hosts) {
          const address = parseCidr(`${privateIp}/32`)?.first ?? 0;
          for (const [start = 0, end = 0] of pools) expect(address >= start && address <= end).toBe(false);
        }
      }),
    );
  });

  test("admits every declared flow and nothing else", () => {
    fc.assert(
      fc.property(planInput, fc.integer({ min: 1, max: 65535 }), (input, anyPort) => {
        const topology = planTopology(input);
        const outsiders = [...input.adminCidrs, ...input.clientCidrs].map((cidr) => cidr.replace(/0\/24$/, "9"));
        const jumps = [bastion.privateIp, "192.168.254.6"];
        const senders: Sender[] = [
          ...topology.hosts.map((host) => ({ address: host.privateIp, host })),
          ...[...outsiders, ...jumps, "192.168.255.254", "203.0.113.50"].map((address) => ({ address })),
        ];
        const flows = topology.hosts.flatMap((to) =>
          senders.flatMap((from) => [...knownPorts, anyPort].map((port) => ({ from, to, port }))),
        );
        const wrong = flows.filter(
          ({ from, to, port }) => admits(topology, from.address, to, port) !== mayReach(input, from, to, port),
        );
        expect(wrong).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  test("gives public addresses as each site is configured, and a gateway where a host has none", () => {
    fc.assert(
      fc.property(planInput, (input) => {
        const { regions, witness } = planTopology(input);
        const sites = [
          ...regions.map((plan) => ({ plan, publicAddresses: input.regions[plan.name]?.publicAddresses })),
          ...(witness === null ? [] : [{ plan: witness, publicAddresses: input.witness?.publicAddresses }]),
        ];
        for (const { plan, publicAddresses } of sites) {
          const open = plan.hosts.filter(({ hasPublicAddress }) => hasPublicAddress);
          if (publicAddresses === "all") expect(open).toEqual(plan.hosts);
          else if (publicAddresses === "none") expect(open).toEqual([]);
          else expect(open).toEqual(plan.hosts.filter(({ role }) => role === "haproxy"));
          expect(plan.gatewayModel === null).toBe(open.length === plan.hosts.length);
        }
        const gateways = sites.map(({ plan }) => plan.gatewayIp);
        expect(new Set(gateways).size).toBe(gateways.length);
        const hosts = planTopology(input).hosts.map(({ privateIp }) => privateIp);
        expect(hosts.filter((privateIp) => gateways.includes(privateIp))).toEqual([]);
      }),
    );
  });

  test("lets HAProxy hosts speak VRRP to those of their own region, where it has a virtual address, and no other host", () => {
    const topology = planTopology(testConfig(virtualAddressChanges));
    const speakers = (site: string) =>
      (["elasticsearch", "haproxy", "witness", "etcd"] as const).flatMap((group) =>
        ingressOf(topology, site, group).flatMap(({ protocol, source }) =>
          protocol === "vrrp" ? [`${source} to ${group}`] : [],
        ),
      );
    expect(speakers("gra")).toEqual(["192.168.1.101/32 to haproxy", "192.168.1.102/32 to haproxy"]);
    expect([...speakers("bhs"), ...speakers("witness")]).toEqual([]);
  });

  test("is stable under growth: one more host moves no other", () => {
    const growth = fc.tuple(fc.constantFrom("gra", "bhs"), fc.constantFrom("elasticsearchNodes", "haproxyNodes"));
    fc.assert(
      fc.property(planInput, growth, (input, [region, role]) => {
        const before = planTopology(input).hosts;
        const after = planTopology(grow(input, region, role as "elasticsearchNodes" | "haproxyNodes")).hosts;
        expect(after).toHaveLength(before.length + 1);
        expect(after).toEqual(expect.arrayContaining([...before]));
      }),
    );
  });

  test("spreads each role evenly over the zones", () => {
    fc.assert(
      fc.property(planInput, (input) => {
        for (const region of planTopology(input).regions) {
          for (const role of ["elasticsearch", "haproxy"] as const) {
            const counts = region.zones.map(
              (zone) => region.hosts.filter((host) => host.role === role && host.zone === zone).length,
            );
            expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
          }
        }
      }),
    );
  });

  test("has one member of etcd at each of three sites, and none without a witness", () => {
    fc.assert(
      fc.property(planInput, (input) => {
        const { etcdMembers } = planTopology(input);
        const expected = input.witness === null ? [] : ["gra-haproxy-1", "bhs-haproxy-1", "witness-1"];
        expect(etcdMembers.map(({ name }) => name)).toEqual(expected);
      }),
    );
  });

  test("growth moves no member of etcd", () => {
    fc.assert(
      fc.property(planInput, fc.constantFrom("gra", "bhs"), (input, region) => {
        expect(planTopology(grow(input, region, "haproxyNodes")).etcdMembers).toEqual(planTopology(input).etcdMembers);
      }),
    );
  });

  test("names hosts by region, role and position", () => {
    const [input] = fc.sample(planInput, { numRuns: 1, seed: 1 });
    if (input === undefined) throw new Error("no sample");
    expect(planTopology(input).hosts.map(({ name }) => name)).toContain("gra-es-1");
  });
});
