import * as pulumi from "@pulumi/pulumi";
import type { StackConfig } from "../config/schema.ts";
import type { Instance } from "../instances/instances.ts";
import { monitoringScripts } from "../monitoring/monitoring.ts";
import { sshAddress } from "../ssh/access.ts";
import { gatewayOf, type Topology } from "../topology/model.ts";
import { checkInput, settingsInput } from "./host-settings.ts";
import { authorizeKey, runScript, type StagedHost, stageScripts } from "./remote.ts";

/** The first and the last step on each host: it is made ready for its role's packages, and checked when they run. */

/** Of the site whose hosts are prepared. */
export interface HostSetting {
  readonly config: StackConfig;
  readonly topology: Topology;
  readonly parent: pulumi.Resource;
  /** What hosts without a public address need before they reach the internet. */
  readonly egress: readonly pulumi.Resource[];
}

/** A host to which its role's scripts have been copied, ready for packages. */
export type PreparedHost = StagedHost & Instance & { readonly ready: pulumi.Resource };

export function prepareHost(
  { config, topology, parent, egress }: HostSetting,
  instance: Instance,
  scripts: readonly string[],
): PreparedHost {
  const { host } = instance;
  const { aptProxy, sshPublicKey, sshPrivateKey, sshPreviousPrivateKey: previous, monitoring } = config;
  const machine = { name: host.name, instanceId: instance.id };
  const isReplaced = previous !== undefined;
  const after = isReplaced
    ? [authorizeKey({ ...machine, connection: connectionTo(instance, config, previous) }, sshPublicKey, parent)]
    : [];
  const all = monitoring === null ? scripts : [...scripts, ...monitoringScripts];
  const connection = connectionTo(instance, config, sshPrivateKey);
  const staged = stageScripts({ ...machine, connection }, all, { parent, after });
  // As long as the key before is configured, it still logs in.
  const onlyKey = isReplaced ? "" : sshPublicKey;
  const stdin = JSON.stringify({
    privateIp: host.privateIp,
    gateway: gatewayOf(topology, host) ?? "",
    aptProxy: aptProxy ?? "",
    onlyKey,
    monitoring: monitoring === null ? "off" : "on",
    ...settingsInput(topology, host, config),
  });
  const ready = runScript(
    staged,
    { name: `${host.name}-base`, script: "provision/base.sh", stdin },
    { parent, after: host.hasPublicAddress ? [] : egress },
  );
  return { ...instance, ...staged, ready };
}

/** The last step on a host: what its software asks of it is in effect. */
export function checkHost(
  { config, topology, parent }: HostSetting,
  host: PreparedHost,
  after: readonly pulumi.Resource[],
): void {
  const stdin = checkInput(topology, host.host, config);
  runScript(host, { name: `${host.name}-check`, script: "provision/check-host.py", stdin }, { parent, after });
}

/**
 * The first connection trusts the host's address: an instance generates its key at its first boot, and neither OVHcloud's API
 * nor a resource of this program can set it beforehand or read it. From then on the operator can pin it. SSH is open to
 * adminCidrs, or to the bastion, whose key is known.
 */
function connectionTo(
  { host, publicIp }: Instance,
  { hostKeys, sshUser, bastion, sshPrivateKey }: StackConfig,
  privateKey: string,
): StagedHost["connection"] {
  const hostKey = hostKeys[host.name];
  return {
    ...(hostKey === undefined ? {} : { hostKey }),
    host: sshAddress(bastion, { privateIp: host.privateIp, publicIp }),
    user: sshUser,
    privateKey: pulumi.secret(`${privateKey}\n`),
    // A new host does not answer until it has booted.
    dialErrorLimit: 30,
    perDialTimeout: 10,
    ...(bastion === null
      ? {}
      : {
          proxy: {
            host: bastion.host,
            port: bastion.port,
            user: bastion.user,
            hostKey: bastion.hostKey,
            // Also while hosts still have the key before: it is the operator who gives the bastion the new one.
            privateKey: pulumi.secret(`${sshPrivateKey}\n`),
            // It runs already. It may refuse one of many connections at once (MaxStartups of sshd).
            dialErrorLimit: 5,
            perDialTimeout: 10,
          },
        }),
  };
}
