import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import { type Check, fail, ok, unknown, warn } from "./check.ts";
import type { RegionFindings } from "./findings.ts";

/** A probe takes two or three round trips on an open connection, five with a new TLS connection. */
const ROUND_TRIPS_OF_A_PROBE = 5;

export function remoteConnection(name: RegionName, other: RegionName, { readiness }: RegionFindings): Check {
  const check = `remote connection ${name} to ${other}`;
  if ("error" in readiness) return unknown(check, readiness.error);
  const { configured, connected } = readiness.value.remote;
  if (!configured) {
    return fail(check, `${name} has no remote cluster named ${other}`, `run \`pulumi up\` for ${name}`);
  }
  if (!connected) {
    const advice = `check that ${name} can reach port 9300 of ${other} and that both trust the same CA`;
    return fail(check, `${name} is not connected to ${other}`, advice);
  }
  return ok(check, "connected");
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
