import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import { type Check, fail, ok, unknown, warn } from "./check.ts";
import type { RegionFindings } from "./findings.ts";

/** Half the lease margin, so that tickets and leases of two hosts together stay within it. */
const toleranceMs = ({ leases }: WatchdogConfig): number => leases.marginMs / 2;

export function clocks(name: RegionName, { clocks: found }: RegionFindings, config: WatchdogConfig): Check {
  const check = `clocks of ${name}`;
  if ("error" in found) return unknown(check, found.error);
  const furthest = found.value.toSorted((a, b) => Math.abs(b.aheadMs) - Math.abs(a.aheadMs))[0];
  if (furthest === undefined) return unknown(check, "no node reports its time");
  const { node, aheadMs, uncertaintyMs } = furthest;
  const side = aheadMs < 0 ? "behind" : "ahead of";
  const offset = `${Math.abs(aheadMs).toFixed(0)} ms ${side} this host (+/- ${uncertaintyMs.toFixed(0)} ms)`;
  const certainMs = Math.abs(aheadMs) - uncertaintyMs;
  if (certainMs <= toleranceMs(config)) return ok(check, `at most ${offset}: ${node}`);
  const sentence = `${node} is ${offset}; up to ${toleranceMs(config)} ms are allowed`;
  const advice = "check that chrony or systemd-timesyncd runs on both hosts: tickets and leases depend on the clock";
  return certainMs <= 2 * toleranceMs(config) ? warn(check, sentence, advice) : fail(check, sentence, advice);
}
