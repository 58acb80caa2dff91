import type { z } from "zod";
import type { ApplicationsReport } from "../../applications/acknowledgements.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import { type ChangePreview, previewChange } from "../../core/preview.ts";
import { type AbortPreview, previewAbort } from "../../core/preview-abort.ts";
import type { ChangeCommand, Command } from "../../core/requests.ts";
import type { NotificationsReport, TestOutcome } from "../../notifications/report.ts";
import { Refused, type ServedCall, serveCall } from "../../util/socket-api.ts";
import type { Watchdog } from "../watchdog.ts";
import { controlApi, type StatusAnswer } from "./api.ts";
import type { CommandAnswer } from "./changes.ts";

/** What `es-failover status` and the status page show. */
export const answerStatus = (
  watchdog: Pick<Watchdog, "status" | "readiness">,
  applications: ApplicationsReport | null,
): StatusAnswer => ({ ...watchdog.status(), readiness: watchdog.readiness(), applications });

type ChangeRequest = z.output<typeof controlApi.failover.request>;
type PlainCommand = "resume" | "ack" | "withdraw";

/** Messages to people, as far as calls of the API are about them. */
export interface NotificationsControl {
  report(): NotificationsReport;
  /** Sends a test message to the target of that name; null: to all. */
  test(target: string | null): Promise<readonly TestOutcome[]>;
}

/**
 * Binds every call of the control API to a watchdog.
 *
 * @param applications what applications reported to the endpoint service; null where none runs
 * @param notifications null where no target is configured
 */
export function controlHandlers(
  watchdog: Watchdog,
  config: WatchdogConfig,
  applications: () => ApplicationsReport | null,
  notifications: NotificationsControl | null = null,
): Readonly<Record<keyof typeof controlApi, ServedCall>> {
  const submit = async (command: Command, by: string): Promise<CommandAnswer> => {
    const outcome = await watchdog.command(command, by);
    if (!outcome.accepted) throw new Refused(outcome.reasons);
    const { epoch, sequence } = outcome.record;
    return { epoch, sequence, explanation: outcome.explanation };
  };
  const plain =
    (kind: PlainCommand) =>
    ({ by }: { readonly by: string }) =>
      submit({ kind }, by);
  const change =
    (kind: ChangeCommand["kind"]) =>
    ({ by, ...asked }: ChangeRequest) =>
      submit({ kind, ...asked }, by);
  const preview =
    (kind: ChangeCommand["kind"]) =>
    ({ by, ...asked }: ChangeRequest): ChangePreview => {
      const situation = watchdog.situation();
      return previewChange(situation, { kind, ...asked }, { by, atMs: situation.nowMs }, config);
    };
  return {
    status: serveCall(controlApi.status, () => answerStatus(watchdog, applications())),
    explain: serveCall(controlApi.explain, () => watchdog.explain()),
    situation: serveCall(controlApi.situation, () => watchdog.situation()),
    history: serveCall(controlApi.history, ({ limit }) => watchdog.history(limit)),
    pause: serveCall(controlApi.pause, ({ by, reason }) => submit({ kind: "pause", reason }, by)),
    resume: serveCall(controlApi.resume, plain("resume")),
    ack: serveCall(controlApi.ack, plain("ack")),
    withdraw: serveCall(controlApi.withdraw, plain("withdraw")),
    rejoin: serveCall(controlApi.rejoin, ({ by, policy }) => submit({ kind: "rejoin", policy }, by)),
    forget: serveCall(controlApi.forget, ({ by, watchdog: name }) => submit({ kind: "forget", watchdog: name }, by)),
    failover: serveCall(controlApi.failover, change("failover")),
    switchover: serveCall(controlApi.switchover, change("switchover")),
    abort: serveCall(controlApi.abort, ({ by, reason }) => submit({ kind: "abort", reason }, by)),
    notifyTest: serveCall(controlApi.notifyTest, async ({ target }) => {
      const names = config.notifications.targets.map(({ name }) => name);
      if (notifications === null) throw new Refused(["notifications.targets is empty: there is no target to send to"]);
      if (target !== null && !names.includes(target)) {
        throw new Refused([`${target} is no target of notifications.targets: name one of ${names.join(", ")}`]);
      }
      return notifications.test(target);
    }),
    previewAbort: serveCall(controlApi.previewAbort, ({ by, reason }): AbortPreview => {
      const situation = watchdog.situation();
      return previewAbort(situation, { kind: "abort", reason }, { by, atMs: situation.nowMs }, config);
    }),
    previewFailover: serveCall(controlApi.previewFailover, preview("failover")),
    previewSwitchover: serveCall(controlApi.previewSwitchover, preview("switchover")),
  };
}
