import { outcomeOf, run } from "../util/run.ts";
import { regionAddresses, vrackNetwork } from "./addressing.ts";
import { type LabLayout, regionNetwork } from "./layout.ts";
import { inNetwork, ipBatch } from "./namespaces.ts";
import { publicBridge, vrackBridge } from "./network.ts";
import type { LabRegion } from "./types.ts";

/** Marks packets that the gateway of their region carries, for the firewall. */
export const gatewayMark = "0x67";

const table = "gateway";

/**
 * Opens a region's gateway at an address of the vRack: the region's hosts reach the internet by it, all under one public address, and
 * nothing from there reaches them.
 *
 * @returns the public address
 */
export async function openGateway(layout: LabLayout, region: LabRegion, address: string): Promise<string> {
  const { vrackSubnet, gatewayPublicIp } = regionAddresses(region);
  const network = regionNetwork(layout, region);
  await closeGateway(layout, region, address);
  await ipBatch(network, [
    `address add ${address}/32 dev ${vrackBridge}`,
    `address add ${gatewayPublicIp}/32 dev ${publicBridge}`,
  ]);
  const rules = [
    `table ip ${table} {`,
    "  chain outbound {",
    "    type filter hook prerouting priority mangle; policy accept;",
    `    iifname "${vrackBridge}" ip saddr ${vrackSubnet} ip daddr != ${vrackNetwork} meta mark set ${gatewayMark}`,
    "  }",
    "  chain translation {",
    "    type nat hook postrouting priority srcnat; policy accept;",
    `    meta mark ${gatewayMark} snat to ${gatewayPublicIp}`,
    "  }",
    "}",
    "",
  ].join("\n");
  const [command = "", ...args] = inNetwork(network, ["nft", "-f", "-"]);
  await run(command, args, { input: rules });
  return gatewayPublicIp;
}

/** Closes it; one that is not open is no error. */
export async function closeGateway(layout: LabLayout, region: LabRegion, address: string): Promise<void> {
  const network = regionNetwork(layout, region);
  // Declared before it is deleted, as it need not exist.
  const [command = "", ...args] = inNetwork(network, ["nft", "-f", "-"]);
  await run(command, args, { input: `table ip ${table}\ndelete table ip ${table}\n` });
  const { gatewayPublicIp } = regionAddresses(region);
  for (const [given, device] of [
    [address, vrackBridge],
    [gatewayPublicIp, publicBridge],
  ] as const) {
    await outcomeOf("nsenter", [`--net=${network}`, "ip", "address", "delete", `${given}/32`, "dev", device]);
  }
}
