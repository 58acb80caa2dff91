import { isLoopback } from "../../config/applications.ts";
import { readCa, readSecret } from "../../config/files.ts";
import type { TargetOf } from "../../config/notifications.ts";
import type { Notification } from "../../core/notifications/event.ts";
import { plainText } from "../../core/notifications/texts/plain.ts";
import { post } from "./post.ts";
import type { Target } from "./target.ts";

/** An incoming webhook: a text alone, which Mattermost, Rocket.Chat and others show as Slack does. */
export function slackTarget(settings: TargetOf<"slack">): Target {
  const { name, urlFile, caFile, timeoutMs } = settings;
  return {
    settings,
    send: async (event, signal) => {
      const key = `notifications.${name}`;
      const ca = caFile === null ? null : await readCa(`${key}.caFile`, caFile);
      const url = urlIn(await readSecret(`${key}.urlFile`, urlFile), urlFile);
      await post({ url, ca, body: JSON.stringify({ text: slackText(event) }), timeoutMs, signal });
    },
  };
}

/** The message names the file alone: the URL is a secret. */
function urlIn(text: string, file: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(text))) return url;
  throw new Error(`${file} holds no https URL`);
}

export function slackText(event: Notification): string {
  const title = `[${event.severity.toUpperCase()}] ${event.title}`;
  return `*${escaped(title)}*\n${escaped(plainText(event))}`;
}

/** Slack's three control characters. */
const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
