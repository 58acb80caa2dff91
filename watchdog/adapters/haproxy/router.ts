import type { RegionName } from "../../config/address.ts";
import type { Router, RouterState, RoutingTicket } from "../../core/ports/router.ts";
import { readEpochFloor, writeEpochFloor } from "./epoch-floor.ts";
import { parseMap, parsePreparedVersion, parseProcesses, parseServers, parseSessions } from "./replies.ts";
import { HaproxyError, type HaproxyProcess, haproxyProcess, sendCommand } from "./runtime-api.ts";
import { writeTicketFile } from "./ticket-file.ts";

export interface HaproxyRouterOptions {
  /** Name of the router in leases and acknowledgements. */
  readonly name: string;
  /** The worker's runtime API socket, level admin. */
  readonly adminSocket: string;
  /** The master's CLI socket: the only access to workers from before a reload, which still serve kept-alive connections. */
  readonly masterSocket: string;
  /** The map file, named exactly as in HAProxy's configuration: HAProxy knows its maps by that name. */
  readonly ticketMapFile: string;
  /** Bound on one exchange with HAProxy, milliseconds. Default 1 000. */
  readonly timeoutMs?: number;
}

/** The backend of a region's servers is `es_<region>`. */
const BACKEND_PREFIX = "es_";

/**
 * The HAProxy on this host. Operations run one after another, in the order of their calls.
 *
 * HAProxy starts from the map file, so the file must never be ahead of HAProxy's own map: it is emptied before the map,
 * and filled after it. An epoch floor beside it survives restarts.
 */
export function createHaproxyRouter(options: HaproxyRouterOptions): Router {
  const { adminSocket, masterSocket, ticketMapFile } = options;
  const timeoutMs = options.timeoutMs ?? 1_000;
  const worker = haproxyProcess(adminSocket, timeoutMs);
  const inTurn = serially();
  /** The region that the file on disk may open; undefined after a start, when it is unknown. */
  let regionOnDisk: RegionName | null | undefined;
  let floor: number | undefined;

  const raiseFloor = async (epoch: number): Promise<void> => {
    floor ??= await readEpochFloor(ticketMapFile);
    if (epoch < floor) {
      throw new HaproxyError(`router ${options.name}: epoch ${epoch} is outdated; epoch ${floor} has been seen`);
    }
    if (epoch === floor) return;
    await writeEpochFloor(ticketMapFile, epoch);
    floor = epoch;
  };

  const issueTicket = async ({ epoch, region, validUntilMs }: RoutingTicket): Promise<void> => {
    await raiseFloor(epoch);
    if (regionOnDisk !== region) {
      await writeTicketFile(ticketMapFile, [], { durable: true });
      regionOnDisk = null;
    }
    await replaceMap(worker, ticketMapFile, [[region, String(validUntilMs)]]);
    // A renewal need not be durable: after a power failure an older ticket is on disk, which expires sooner.
    await writeTicketFile(ticketMapFile, [{ region, validUntilMs }], { durable: regionOnDisk !== region });
    regionOnDisk = region;
  };

  const close = async (epoch: number, regions: readonly RegionName[]): Promise<void> => {
    await raiseFloor(epoch);
    await writeTicketFile(ticketMapFile, [], { durable: true });
    regionOnDisk = null;
    // Listed after the file was emptied: a worker that starts later starts from the empty file.
    const { current, old } = await workers(masterSocket, timeoutMs);
    await replaceMap(current, ticketMapFile, []);
    await cutSessions(current, regions);
    for (const worker of old) {
      try {
        await replaceMap(worker, ticketMapFile, []);
        await cutSessionsOfOldWorker(worker, regions, timeoutMs);
      } catch (error) {
        // An old worker ends with its last session: the failure counts only while it still runs.
        if ((await workers(masterSocket, timeoutMs)).old.some(({ label }) => label === worker.label)) throw error;
      }
    }
  };

  const state = async (): Promise<RouterState> => {
    const tickets = parseMap(await worker.ask(`show map ${ticketMapFile}`));
    const servers = parseServers(await worker.ask("show servers state"));
    return {
      tickets: [...tickets].map(([region, until]) => ({ region, validUntilMs: Number(until) })),
      servers: servers.flatMap(({ backend, name, up }) =>
        backend.startsWith(BACKEND_PREFIX) ? [{ region: backend.slice(BACKEND_PREFIX.length), name, up }] : [],
      ),
    };
  };

  return {
    name: options.name,
    issueTicket: (ticket) => inTurn(() => issueTicket(ticket)),
    close: (epoch, regions) => inTurn(() => close(epoch, regions)),
    state,
  };
}

/**
 * Replaces the whole map in one atomic step and reads it back. The next commit drops what an interrupted attempt has
 * prepared.
 */
async function replaceMap(
  process: HaproxyProcess,
  mapFile: string,
  entries: readonly (readonly [key: string, value: string])[],
): Promise<void> {
  const prepared = await process.ask(`prepare map ${mapFile}`);
  const version = parsePreparedVersion(prepared);
  if (version === null) {
    throw new HaproxyError(`HAProxy at ${process.label} has no map ${mapFile}: ${prepared.trim()}`);
  }
  for (const [key, value] of entries) await process.order(`add map @${version} ${mapFile} ${key} ${value}`);
  await process.order(`commit map @${version} ${mapFile}`);
  const found = parseMap(await process.ask(`show map ${mapFile}`));
  if (found.size !== entries.length || entries.some(([key, value]) => found.get(key) !== value)) {
    const shown = [...found].map(([key, value]) => `${key} ${value}`).join(", ") || "nothing";
    throw new HaproxyError(`HAProxy at ${process.label}: ${mapFile} was not replaced; it holds ${shown}`);
  }
}

/** Ends the sessions to these regions: a request under way may be a write. */
async function cutSessions(process: HaproxyProcess, regions: readonly RegionName[]): Promise<void> {
  const backends = new Set(regions.map((region) => `${BACKEND_PREFIX}${region}`));
  const servers = parseServers(await process.ask("show servers state"));
  for (const { backend, name } of servers.filter((server) => backends.has(server.backend))) {
    await process.order(`shutdown sessions server ${backend}/${name}`);
  }
}

/** A worker from before a reload refuses to end sessions by server ("Proxy is disabled"), but ends single ones. */
async function cutSessionsOfOldWorker(
  process: HaproxyProcess,
  regions: readonly RegionName[],
  timeoutMs: number,
): Promise<void> {
  const backends = new Set(regions.map((region) => `${BACKEND_PREFIX}${region}`));
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

async function workers(
  masterSocket: string,
  timeoutMs: number,
): Promise<{ readonly current: HaproxyProcess; readonly old: readonly HaproxyProcess[] }> {
  const { current, old } = parseProcesses(await sendCommand(masterSocket, "show proc", timeoutMs));
  if (current === null) throw new HaproxyError(`HAProxy at ${masterSocket}: the master has no worker`);
  const process = (pid: number): HaproxyProcess => haproxyProcess(masterSocket, timeoutMs, pid);
  return { current: process(current), old: old.map(process) };
}

/** Runs tasks one after another in the order of the calls, also after failures. */
function serially(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const run = last.then(task, task);
    last = run.catch(() => {});
    return run;
  };
}
