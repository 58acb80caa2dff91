import type { Notification } from "../../core/notifications/event.ts";

/** The event as a webhook and a command receive it. A further field is no new version. */
export function bodyOf({ atMs, ...event }: Notification): string {
  return JSON.stringify({ version: 1, ...event, at: new Date(atMs).toISOString() });
}
