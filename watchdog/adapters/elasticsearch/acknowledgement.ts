import { ClusterError } from "../../core/ports/cluster.ts";
import type { RegionNodes } from "./nodes.ts";

/** How long the cluster may collect acknowledgements: less than our own timeout, so that its reason reaches us. */
export function ackTimeouts(nodes: RegionNodes): { readonly timeout: string; readonly master_timeout: string } {
  const milliseconds = `${Math.max(100, Math.floor(nodes.requestTimeoutMs * 0.8))}ms`;
  return { timeout: milliseconds, master_timeout: milliseconds };
}

/** The part of `ackTimeouts` that calls without a `timeout` take. */
export function masterTimeout(nodes: RegionNodes): { readonly master_timeout: string } {
  return { master_timeout: ackTimeouts(nodes).master_timeout };
}

/** @throws ClusterError */
export function assertAcknowledged(nodes: RegionNodes, what: string, answer: { acknowledged?: boolean }): void {
  if (answer.acknowledged !== true) throw rejected(nodes, what, "not every node acknowledged the change in time");
}

/** The error of a request whose answer shows that it was not carried out, or is not what this version understands. */
export function rejected(nodes: RegionNodes, what: string, reason: string): ClusterError {
  return new ClusterError(nodes.region, "rejected", `${nodes.region}: ${what}: ${reason}`);
}
