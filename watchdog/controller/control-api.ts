import { z } from "zod";
import { BadRequest, type ControlRequest, type ControlRoutes, Refused } from "../adapters/control-socket.ts";
import type { ApplicationsReport } from "../applications/acknowledgements.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import { type ChangePreview, previewChange } from "../core/preview.ts";
import type { ChangeCommand, Command } from "../core/requests.ts";
import type { WatchdogStatus } from "./status.ts";
import type { Watchdog } from "./watchdog.ts";

/** Who asks, as the one who asks tells it: everyone who may open the socket is trusted with the same. */
const asker = { by: z.string().trim().min(1).max(100) };
const reason = z.string().trim().min(1).max(1_000);
const requests = {
  plain: z.strictObject({ ...asker }),
  pause: z.strictObject({ ...asker, reason }),
  change: z.strictObject({
    ...asker,
    to: z.string().min(1),
    force: z.boolean().default(false),
    reason: reason.nullable().default(null),
    /** Says what would happen, and changes nothing. */
    dryRun: z.boolean().default(false),
  }),
} as const;

/** Answer to a command that changed the state document. */
export interface CommandAnswer {
  /** Of the state document that was written. */
  readonly epoch: number;
  readonly sequence: number;
  readonly explanation: string;
}

/** A watchdog's status with what applications told its endpoint service; null where it has none. */
export interface StatusAnswer extends WatchdogStatus {
  readonly applications: ApplicationsReport | null;
}

/** What the control socket answers to. Everything a command line can ask of a running watchdog. */
export function controlRoutes(
  watchdog: Watchdog,
  config: WatchdogConfig,
  applications: () => ApplicationsReport | null = () => null,
): ControlRoutes {
  const give = async (command: Command, by: string): Promise<CommandAnswer> => {
    const outcome = await watchdog.command(command, by);
    if (!outcome.accepted) throw new Refused(outcome.reasons);
    const { epoch, sequence } = outcome.record;
    return { epoch, sequence, explanation: outcome.explanation };
  };
  const plain =
    (kind: "resume" | "ack" | "withdraw") =>
    ({ body }: ControlRequest) =>
      give({ kind }, parsed(requests.plain, body).by);
  const change =
    (kind: ChangeCommand["kind"]) =>
    ({ body }: ControlRequest): Promise<CommandAnswer> | ChangePreview => {
      const { by, dryRun, ...asked } = parsed(requests.change, body);
      const command: ChangeCommand = { kind, ...asked };
      const situation = watchdog.situation();
      return dryRun ? previewChange(situation, command, { by, atMs: situation.nowMs }, config) : give(command, by);
    };
  return {
    "GET /status": (): StatusAnswer => ({ ...watchdog.status(), applications: applications() }),
    "GET /explain": () => watchdog.explain(),
    "GET /situation": () => watchdog.situation(),
    "GET /history": ({ query }) => watchdog.history(limitOf(query)),
    "PUT /pause": ({ body }) => {
      const { by, reason: why } = parsed(requests.pause, body);
      return give({ kind: "pause", reason: why }, by);
    },
    "DELETE /pause": plain("resume"),
    "DELETE /block-period": plain("ack"),
    "DELETE /request": plain("withdraw"),
    "POST /failover": change("failover"),
    "POST /switchover": change("switchover"),
  };
}

function parsed<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue?.path.join(".");
  throw new BadRequest(`${where ? `${where}: ` : ""}${issue?.message ?? "not understood"}`);
}

function limitOf(query: URLSearchParams): number {
  const limit = Number(query.get("limit") ?? 50);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 10_000) return limit;
  throw new BadRequest("limit: a whole number from 1 to 10000");
}
