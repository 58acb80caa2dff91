import { parseConfig } from "../../infra/config/load.ts";
import type { StackConfig } from "../../infra/config/schema.ts";
import type { PulumiCli } from "../../infra/init/pulumi-cli.ts";

/** A stack's configuration as Pulumi passes it: text by key. */
export const validRawConfig: Readonly<Record<string, string>> = {
  "es-failover:region": "gra",
  "es-failover:serviceName": "0123456789abcdef0123456789abcdef",
  "es-failover:regions": JSON.stringify({
    gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24" },
    bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
  }),
  "es-failover:witness": JSON.stringify({ ovhRegion: "DE1", cidr: "192.168.3.0/24" }),
  "es-failover:adminCidrs": "203.0.113.7/32",
  "es-failover:clientCidrs": "198.51.100.0/24",
  "es-failover:replication": '{"patterns":["app-*"]}',
  "es-failover:elasticsearch": '{"licence":"trial"}',
  "es-failover:firstPrimary": "gra",
  "es-failover:caCertificate": "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----",
  "es-failover:caPrivateKey": "ca-private-key",
  "es-failover:sshPublicKey": "ssh-ed25519 AAAA es-failover",
  "es-failover:sshPrivateKey": "ssh-private-key",
  "es-failover:watchdogPassword": "watchdog-password",
  "es-failover:haproxyCheckPassword": "check-password",
  "es-failover:appPassword": "app-password",
  "es-failover:etcdRootPassword": "etcd-root-password",
  "es-failover:etcdPassword": "etcd-user-password",
};

/** With an address that one of the HAProxy hosts of gra holds. */
export const virtualAddressChanges: Readonly<Record<string, string>> = {
  regions: JSON.stringify({
    gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", virtualAddress: "192.168.1.190" },
    bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
  }),
};

/** With public addresses for the entries of gra alone: everything else is reached by a bastion. */
export const hiddenChanges: Readonly<Record<string, string>> = {
  regions: JSON.stringify({
    gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", publicAddresses: "entries", gatewayModel: "M" },
    bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
  }),
  adminCidrs: "[]",
  bastion: JSON.stringify({
    host: "bastion.example.com",
    port: 2222,
    user: "jump",
    hostKey: "ecdsa-sha2-nistp256 BBBB",
    privateIp: "192.168.1.195",
  }),
};

/** With the monitoring that provisioning installs. */
export const monitoringChanges: Readonly<Record<string, string>> = {
  monitoring: JSON.stringify({ alerts: { kind: "webhook" } }),
  deadMansSwitchUrl: "https://switch.example.com/heartbeat-secret",
  alertsSecret: "https://alerts.example.com/hook-secret",
};

export function testConfig(changes: Readonly<Record<string, string>> = {}): StackConfig {
  const own = Object.fromEntries(Object.entries(changes).map(([key, value]) => [`es-failover:${key}`, value]));
  return parseConfig({ ...validRawConfig, ...own }, { fileOf: () => "Pulumi.gra.yaml" });
}

/** Pulumi's command line with stacks in memory: what asks it is about their configuration alone. */
export class RememberingPulumi implements PulumiCli {
  readonly held: Record<string, Record<string, string>>;
  writes = 0;
  /** The write that fails, as when the command is interrupted; counted from 1. */
  failsAt = Number.POSITIVE_INFINITY;

  constructor(held: Record<string, Record<string, string>> = {}) {
    this.held = held;
  }

  async requireLogin() {}
  async stacks() {
    return Object.keys(this.held);
  }
  async createStack(name: string) {
    this.held[name] = {};
  }
  async config(stack: string) {
    return this.held[stack] ?? {};
  }
  async setSecret(stack: string, key: string, value: string) {
    this.#count();
    this.held[stack] = { ...this.held[stack], [key]: value };
  }
  async set(stack: string, key: string, value: string) {
    await this.setSecret(stack, key, value);
  }
  async remove(stack: string, key: string) {
    this.#count();
    const { [key]: _, ...others } = this.held[stack] ?? {};
    this.held[stack] = others;
  }

  #count() {
    this.writes += 1;
    if (this.writes === this.failsAt) throw new Error("interrupted");
  }
}
