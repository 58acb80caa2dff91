import { time } from "../../../util/text.ts";
import type { Notification } from "../event.ts";

/** The event without its title, as plain text: the body of a mail, and what a chat shows. */
export function plainText({ text, next, runbook, id, severity, epoch, watchdog, atMs }: Notification): string {
  const origin = `Noticed by ${watchdog} at ${time(atMs)} UTC${epoch === null ? "" : `, epoch ${epoch}`}.`;
  return [text, `What to do: ${next}`, `Runbook: ${runbook}`, `${origin} Event ${id}, ${severity}.`].join("\n\n");
}
