import type * as pulumi from "@pulumi/pulumi";
import { runScript, type StagedHost, type StepOptions } from "../provision/remote.ts";
import type { Host, RegionPlan } from "../topology/model.ts";
import { ports } from "../topology/ports.ts";
import { type KeepalivedOptions, keepalivedFiles, peersOf } from "./keepalived.ts";

export const virtualAddressScripts = ["haproxy/virtual-address.sh"];

/** Input of virtual-address.sh. */
export function virtualAddressInput(options: KeepalivedOptions): string {
  const { region, virtualAddress, host } = options;
  const peers = peersOf(region, host).map(({ privateIp }) => privateIp);
  return JSON.stringify({
    privateIp: host.privateIp,
    virtualAddress,
    peers: peers.join(" "),
    port: String(ports.entry),
    files: keepalivedFiles(options),
  });
}

/**
 * The region's virtual address, which each of its HAProxy hosts may hold. Last of all: it fails where the cloud does not let the
 * address through, and nothing else may wait for that.
 */
export function holdVirtualAddress(
  region: RegionPlan,
  routers: readonly (StagedHost & { readonly host: Host })[],
  step: StepOptions,
): readonly pulumi.Resource[] {
  const { virtualAddress } = region;
  if (virtualAddress === null) return [];
  return routers.map((router) => {
    const stdin = virtualAddressInput({ region, virtualAddress, host: router.host });
    return runScript(
      router,
      { name: `${router.name}-virtual-address`, script: "haproxy/virtual-address.sh", stdin },
      step,
    );
  });
}
