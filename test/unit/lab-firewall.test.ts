import { describe, expect, test } from "vitest";
import { ingressViolation, renderFirewall } from "../../lab/hosts/firewall.ts";
import type { HostRecord } from "../../lab/hosts/state.ts";

const host: HostRecord = {
  publicIp: "10.81.0.11",
  spec: {
    name: "gra-es-1",
    region: "gra",
    privateIp: "192.168.1.11",
    authorizedKeys: [],
    volumes: [],
    ingress: [
      { protocol: "tcp", ports: [22, 22], sources: ["10.80.0.0/24"] },
      { protocol: "tcp", ports: [9300, 9399], sources: ["192.168.1.0/24", "192.168.2.0/24"] },
      { protocol: "icmp", sources: ["0.0.0.0/0"] },
      { protocol: "vrrp", sources: ["192.168.1.102/32"] },
    ],
  },
};

describe("the rules of a region's firewall", () => {
  test("accept declared flows and drop all others, for both addresses of a host", () => {
    expect(renderFirewall([host])).toMatchInlineSnapshot(`
      "table inet hosts
      delete table inet hosts
      table inet hosts {
        chain host-10-81-0-11 {
          ip saddr { 10.80.0.0/24 } tcp dport 22-22 accept
          ip saddr { 192.168.1.0/24, 192.168.2.0/24 } tcp dport 9300-9399 accept
          ip saddr { 0.0.0.0/0 } ip protocol icmp accept
          ip saddr { 192.168.1.102/32 } ip protocol 112 accept
          drop
        }
        chain forward {
          type filter hook forward priority filter; policy accept;
          meta nfproto ipv6 drop
          ct state established ct direction reply accept
          ct state related accept
          iifname "br-public" ip daddr 192.168.0.0/16 drop
          iifname "br-vrack" ip daddr != 192.168.0.0/16 meta mark != 0x67 drop
          ip daddr vmap { 10.81.0.11 : goto host-10-81-0-11, 192.168.1.11 : goto host-10-81-0-11 }
          oifname { "br-public", "br-vrack" } drop
        }
        chain input {
          type filter hook input priority filter; policy accept;
          iifname "br-vrack" ip daddr != 192.168.0.0/16 meta mark != 0x67 drop
        }
      }
      "
    `);
  });

  test("know no public address of a private host", () => {
    const hidden = { ...host, spec: { ...host.spec, isPrivate: true } };
    expect(renderFirewall([hidden])).toContain("vmap { 192.168.1.11 : goto host-10-81-0-11 }");
  });

  test("a region without hosts accepts nothing", () => {
    expect(renderFirewall([])).toContain('oifname { "br-public", "br-vrack" } drop');
    expect(renderFirewall([])).not.toContain("vmap");
  });
});

describe("an invalid rule is refused", () => {
  test.each([
    ["no sender", { protocol: "tcp", ports: [22, 22], sources: [] }, /names no sender/],
    [
      "a sender that is no network",
      { protocol: "tcp", ports: [22, 22], sources: ["10.80.0.300/24"] },
      /not an IPv4 network/,
    ],
    ["ports in the wrong order", { protocol: "udp", ports: [53, 22], sources: ["0.0.0.0/0"] }, /not a range of ports/],
    ["ports of icmp", { protocol: "icmp", ports: [1, 2], sources: ["0.0.0.0/0"] }, /icmp rule has ports/],
    ["ports of vrrp", { protocol: "vrrp", ports: [1, 2], sources: ["0.0.0.0/0"] }, /vrrp rule has ports/],
  ] as const)("%s", (_, rule, message) => {
    expect(ingressViolation([rule])).toMatch(message);
  });

  test("a valid rule is accepted", () => {
    expect(ingressViolation(host.spec.ingress)).toBeUndefined();
  });
});
