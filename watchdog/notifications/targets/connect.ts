import type { TargetSettings } from "../../config/notifications.ts";
import type { Clock } from "../../util/clock.ts";
import { commandTarget } from "./command.ts";
import { slackTarget } from "./slack.ts";
import { smtpTarget } from "./smtp.ts";
import type { Target } from "./target.ts";
import { webhookTarget } from "./webhook.ts";

/** The target of the configuration; it is not reached before the first message. */
export function connectTarget(settings: TargetSettings, clock: Pick<Clock, "nowMs">): Target {
  switch (settings.kind) {
    case "webhook":
      return webhookTarget(settings, clock);
    case "slack":
      return slackTarget(settings);
    case "smtp":
      return smtpTarget(settings);
    case "command":
      return commandTarget(settings);
    default:
      return settings satisfies never;
  }
}
