import { severities, type TargetSettings } from "../../config/notifications.ts";
import type { Notification } from "../../core/notifications/event.ts";

/** A receiver of messages. Its files are read at each attempt, so that a rotation needs no restart. */
export interface Target {
  readonly settings: TargetSettings;
  /**
   * Returns once the target has the message.
   *
   * @throws Error that names the target's host or program and the reason, and no secret
   */
  send(event: Notification, signal: AbortSignal): Promise<void>;
}

/** Whether a target is configured to receive an event; a test is for every target. */
export function wants({ events, minSeverity }: TargetSettings, { kind, severity }: Notification): boolean {
  if (kind === "test") return true;
  if (events !== null && !events.includes(kind)) return false;
  return severities.indexOf(severity) >= severities.indexOf(minSeverity);
}
