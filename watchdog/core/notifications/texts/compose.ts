import type { EventKind, Severity } from "../../../config/notifications.ts";
import type { Notification } from "../event.ts";
import type { Present } from "../view.ts";

/** Longer texts are cut: a message is read on a phone, and the board has many. */
const TEXT_MAX = 3_000;

interface Content extends Partial<Pick<Notification, "from" | "to" | "loss">> {
  readonly kind: EventKind;
  readonly severity: Severity;
  /** What tells it from others of its kind. */
  readonly atMs: number;
  readonly title: string;
  readonly lines: readonly string[];
  readonly next: string;
  /** Heading in docs/runbook.md. */
  readonly section: string;
}

export function compose(
  { kind, severity, atMs, title, lines, next, section, from = null, to = null, loss = null }: Content,
  { record, nowMs, watchdog }: Present,
): Notification {
  const text = lines.join("\n");
  return {
    id: `${kind}-${atMs}`,
    kind,
    severity,
    atMs: nowMs,
    watchdog,
    epoch: record?.epoch ?? null,
    active: record?.phase === "serving" ? record.active : null,
    from,
    to,
    loss,
    title,
    text: text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text,
    next,
    runbook: `docs/runbook.md#${section.toLowerCase()}`,
  };
}

/** As a sentence of its own. */
export const sentence = (text: string): string => {
  const [first = "", ...rest] = text;
  return `${first.toUpperCase()}${rest.join("")}${text.endsWith(".") ? "" : "."}`;
};
