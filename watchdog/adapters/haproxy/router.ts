import type { RegionName } from "../../config/address.ts";
import type { Router, RouterState, RoutingTicket } from "../../core/ports/router.ts";
import type { RegionWrites } from "../../core/state/write-pause.ts";
import { serially } from "../../util/concurrency.ts";
import { regionOf, writeVariablesOf } from "./backend.ts";
import { readEpochFloor, writeEpochFloor } from "./epoch-floor.ts";
import { parseMap, parseNumbers, parseProcesses, parseServers } from "./replies.ts";
import { HaproxyError, type HaproxyProcess, haproxyProcess, sendCommand } from "./runtime-api.ts";
import { cutSessions, cutSessionsOfOldWorker } from "./sessions.ts";
import { writeTicketFile } from "./ticket-file.ts";
import { replaceMap } from "./ticket-map.ts";

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

/**
 * The HAProxy on this host. Tickets are issued and emptied one after another, in the order of the calls.
 *
 * HAProxy starts from the map file, so the file must never be ahead of HAProxy's own map: it is emptied before the map,
 * and filled after it. An epoch floor beside it survives restarts.
 */
export function createHaproxyRouter(options: HaproxyRouterOptions): Router {
  return new HaproxyRouter(options);
}

class HaproxyRouter implements Router {
  readonly name: string;
  readonly #masterSocket: string;
  readonly #ticketMapFile: string;
  readonly #timeoutMs: number;
  readonly #worker: HaproxyProcess;
  readonly #inTurn = serially();
  /** The region that the file on disk may open; undefined after a start, when it is unknown. */
  #regionOnDisk: RegionName | null | undefined;
  #epochFloor: number | undefined;

  constructor({ name, adminSocket, masterSocket, ticketMapFile, timeoutMs = 1_000 }: HaproxyRouterOptions) {
    this.name = name;
    this.#masterSocket = masterSocket;
    this.#ticketMapFile = ticketMapFile;
    this.#timeoutMs = timeoutMs;
    this.#worker = haproxyProcess(adminSocket, timeoutMs);
  }

  issueTicket(ticket: RoutingTicket): Promise<void> {
    return this.#inTurn(() => this.#issue(ticket));
  }

  close(epoch: number, regions: readonly RegionName[]): Promise<void> {
    return this.#inTurn(() => this.#close(epoch, regions));
  }

  async state(): Promise<RouterState> {
    const tickets = parseMap(await this.#worker.ask(`show map ${this.#ticketMapFile}`));
    const servers = parseServers(await this.#worker.ask("show servers state")).flatMap(({ backend, name, up }) => {
      const region = regionOf(backend);
      return region === null ? [] : [{ region, name, up }];
    });
    return {
      tickets: [...tickets].map(([region, until]) => ({ region, validUntilMs: Number(until) })),
      servers,
      writes: await this.#writes([...new Set(servers.map(({ region }) => region))]),
    };
  }

  async #writes(regions: readonly RegionName[]): Promise<readonly RegionWrites[]> {
    const variables = regions.map((region) => ({ region, ...writeVariablesOf(region) }));
    const names = variables.flatMap(({ first, last }) => [first, last]);
    if (names.length === 0) return [];
    const times = parseNumbers(await this.#worker.ask(names.map((name) => `get var ${name}`).join(";")));
    return variables.flatMap(({ region, first, last }) => {
      const [firstAtMs, lastAtMs] = [times.get(first), times.get(last)];
      return firstAtMs === undefined || lastAtMs === undefined ? [] : [{ region, firstAtMs, lastAtMs }];
    });
  }

  async #issue({ epoch, region, validUntilMs }: RoutingTicket): Promise<void> {
    await this.#raiseFloor(epoch);
    if (this.#regionOnDisk !== region) await this.#emptyFile();
    await replaceMap(this.#worker, this.#ticketMapFile, [[region, String(validUntilMs)]]);
    // A renewal need not be durable: after a power failure an older ticket is on disk, which expires sooner.
    const durable = this.#regionOnDisk !== region;
    await writeTicketFile(this.#ticketMapFile, [{ region, validUntilMs }], { durable });
    this.#regionOnDisk = region;
  }

  async #close(epoch: number, regions: readonly RegionName[]): Promise<void> {
    await this.#raiseFloor(epoch);
    await this.#emptyFile();
    // Listed after the file was emptied: a worker that starts later starts from the empty file.
    const { current, old } = await this.#workers();
    await replaceMap(current, this.#ticketMapFile, []);
    await cutSessions(current, regions);
    for (const worker of old) {
      try {
        await replaceMap(worker, this.#ticketMapFile, []);
        await cutSessionsOfOldWorker(worker, regions, this.#timeoutMs);
      } catch (error) {
        // An old worker ends with its last session: the failure counts only while it still runs.
        if ((await this.#workers()).old.some(({ label }) => label === worker.label)) throw error;
      }
    }
  }

  async #raiseFloor(epoch: number): Promise<void> {
    this.#epochFloor ??= await readEpochFloor(this.#ticketMapFile);
    if (epoch < this.#epochFloor) {
      throw new HaproxyError(
        `router ${this.name}: epoch ${epoch} is outdated; epoch ${this.#epochFloor} has been seen`,
      );
    }
    if (epoch === this.#epochFloor) return;
    await writeEpochFloor(this.#ticketMapFile, epoch);
    this.#epochFloor = epoch;
  }

  async #emptyFile(): Promise<void> {
    await writeTicketFile(this.#ticketMapFile, [], { durable: true });
    this.#regionOnDisk = null;
  }

  async #workers(): Promise<{ readonly current: HaproxyProcess; readonly old: readonly HaproxyProcess[] }> {
    const { current, old } = parseProcesses(await sendCommand(this.#masterSocket, "show proc", this.#timeoutMs));
    if (current === null) throw new HaproxyError(`HAProxy at ${this.#masterSocket}: the master has no worker`);
    const process = (pid: number): HaproxyProcess => haproxyProcess(this.#masterSocket, this.#timeoutMs, pid);
    return { current: process(current), old: old.map(process) };
  }
}
