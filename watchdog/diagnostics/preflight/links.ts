import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import { connectionFault } from "../../core/state/remote-connection.ts";
import { type Check, fail, ok, unknown, warn } from "./check.ts";
import type { RegionFindings } from "./findings.ts";

/** A probe takes two or three round trips on an open connection, five with a new TLS connection. */
const ROUND_TRIPS_OF_A_PROBE = 5;

export function remoteConnection(
  name: RegionName,
  other: RegionName,
  { readiness }: RegionFindings,
  config: WatchdogConfig,
): Check {
  const check = `remote connection ${name} to ${other}`;
  if ("error" in readiness) return unknown(check, readiness.error);
  const { remote } = readiness.value;
  const fault = connectionFault(name, other, remote, config);
  if (fault !== null) return fail(check, fault.found, fault.advice);
  return ok(check, remote.keyed ? "connected by API key" : "connected");
}

export function roundTrip(name: RegionName, { roundTripMs }: RegionFindings, { checks }: WatchdogConfig): Check {
  const check = `round trip from here to ${name}`;
  if ("error" in roundTripMs) return unknown(check, roundTripMs.error);
  const found = `${roundTripMs.value.toFixed(1)} ms`;
  const probeMs = roundTripMs.value * ROUND_TRIPS_OF_A_PROBE;
  const probe = `${found}: a probe takes up to ${Math.ceil(probeMs)} ms of its timeout of ${checks.timeoutMs} ms`;
  if (probeMs >= checks.timeoutMs) {
    return fail(check, probe, "raise checks.timeoutMs and checks.intervalMs, or find out what slows the network");
  }
  if (2 * probeMs >= checks.timeoutMs) {
    return warn(check, probe, "raise checks.timeoutMs: with some jitter the region would look unhealthy");
  }
  return ok(check, found);
}
