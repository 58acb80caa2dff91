import type { RegionName } from "../../config/address.ts";
import { backendOf } from "./backend.ts";
import { parseServers, parseSessions } from "./replies.ts";
import { HaproxyError, type HaproxyProcess } from "./runtime-api.ts";

/** Ends the sessions to these regions: a request under way may be a write. */
export async function cutSessions(process: HaproxyProcess, regions: readonly RegionName[]): Promise<void> {
  const backends = new Set(regions.map(backendOf));
  const servers = parseServers(await process.ask("show servers state"));
  for (const { backend, name } of servers.filter((server) => backends.has(server.backend))) {
    await process.order(`shutdown sessions server ${backend}/${name}`);
  }
}

/** A worker from before a reload refuses to end sessions by server ("Proxy is disabled"), but ends single ones. */
export async function cutSessionsOfOldWorker(
  process: HaproxyProcess,
  regions: readonly RegionName[],
  timeoutMs: number,
): Promise<void> {
  const backends = new Set(regions.map(backendOf));
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const sessions = parseSessions(await process.ask("show sess")).filter(({ backend }) => backends.has(backend));
    if (sessions.length === 0) return;
    if (performance.now() > deadline) {
      throw new HaproxyError(`HAProxy at ${process.label}: ${sessions.length} sessions are still open`);
    }
    // For a session that has ended meanwhile the reply is "No such session".
    for (const { id } of sessions) await process.ask(`shutdown session ${id}`);
  }
}
