import { z } from "zod";
import { receivedAcknowledgementSchema } from "../../applications/acknowledgements.ts";
import { historyEntrySchema } from "../../core/state/history.ts";
import { testOutcomesSchema } from "../../notifications/report.ts";
import type { DeepReadonly } from "../../util/deep-readonly.ts";
import type { SocketCall } from "../../util/socket-api.ts";
import { watchdogStatusSchema } from "../status.ts";
import { abortPreviewSchema, changePreviewSchema, commandAnswerSchema, ruleExplanationSchema } from "./changes.ts";
import { situationSchema } from "./situation.ts";

/** The caller names itself: every user that may open the socket has the same rights. */
const origin = { by: z.string().trim().min(1).max(100) };
const reason = z.string().trim().min(1).max(1_000);

const nothing = z.object({});
const command = z.strictObject(origin);
const pause = z.strictObject({ ...origin, reason });
const rejoin = z.strictObject({ ...origin, policy: z.enum(["delete", "keep"]) });
const abort = z.strictObject({ ...origin, reason: reason.nullable().default(null) });
const forget = z.strictObject({ ...origin, watchdog: z.string().min(1) });
const change = z.strictObject({
  ...origin,
  to: z.string().min(1),
  force: z.boolean().default(false),
  reason: reason.nullable().default(null),
});

const notify = z.strictObject({ target: z.string().min(1).nullable().default(null) });

const wholeNumber = "a whole number from 1 to 10000";
const history = z.object({
  /** Newest entries to return. */
  limit: z.coerce.number<number>(wholeNumber).int(wholeNumber).min(1, wholeNumber).max(10_000, wholeNumber).default(50),
});

/**
 * The status; whether a loss of the active region would lead to a failover, null where this watchdog cannot tell; and what
 * applications reported to the endpoint service, null where none runs.
 */
const statusAnswer = watchdogStatusSchema.extend({
  readiness: z.object({ ready: z.boolean(), explanation: z.string() }).nullable().default(null),
  applications: z
    .object({
      epoch: z.number().nullable(),
      instances: z.array(receivedAcknowledgementSchema.extend({ behind: z.boolean() })),
    })
    .nullable(),
});
export type StatusAnswer = DeepReadonly<z.output<typeof statusAnswer>>;

/** Every call that a running watchdog answers on its control socket. */
export const controlApi = {
  status: { route: "GET /status", request: nothing, answer: statusAnswer },
  explain: { route: "GET /explain", request: nothing, answer: z.array(ruleExplanationSchema) },
  situation: { route: "GET /situation", request: nothing, answer: situationSchema },
  /** Oldest entry first. */
  history: { route: "GET /history", request: history, answer: z.array(historyEntrySchema) },
  pause: { route: "PUT /pause", request: pause, answer: commandAnswerSchema },
  resume: { route: "DELETE /pause", request: command, answer: commandAnswerSchema },
  ack: { route: "DELETE /block-period", request: command, answer: commandAnswerSchema },
  withdraw: { route: "DELETE /request", request: command, answer: commandAnswerSchema },
  rejoin: { route: "POST /rejoin", request: rejoin, answer: commandAnswerSchema },
  forget: { route: "DELETE /watchdogs", request: forget, answer: commandAnswerSchema },
  failover: { route: "POST /failover", request: change, answer: commandAnswerSchema },
  switchover: { route: "POST /switchover", request: change, answer: commandAnswerSchema },
  abort: { route: "POST /abort", request: abort, answer: commandAnswerSchema },
  /** Sends a test message to one target, or to all. */
  notifyTest: { route: "POST /notifications/test", request: notify, answer: testOutcomesSchema },
  /** The previews change nothing. */
  previewAbort: { route: "POST /abort/preview", request: abort, answer: abortPreviewSchema },
  previewFailover: { route: "POST /failover/preview", request: change, answer: changePreviewSchema },
  previewSwitchover: { route: "POST /switchover/preview", request: change, answer: changePreviewSchema },
} as const satisfies Readonly<Record<string, SocketCall>>;
