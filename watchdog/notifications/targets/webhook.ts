import { readCa, readSecrets } from "../../config/files.ts";
import type { TargetOf } from "../../config/notifications.ts";
import type { Clock } from "../../util/clock.ts";
import { bodyOf } from "./body.ts";
import { post } from "./post.ts";
import { signatureOf } from "./signature.ts";
import type { Target } from "./target.ts";

/** The event as JSON, signed. The key of idempotency is the same in each attempt, by whichever watchdog. */
export function webhookTarget(settings: TargetOf<"webhook">, clock: Pick<Clock, "nowMs">): Target {
  const { name, url, caFile, secretFile, timeoutMs } = settings;
  return {
    settings,
    send: async (event, signal) => {
      const key = `notifications.${name}`;
      const ca = caFile === null ? null : await readCa(`${key}.caFile`, caFile);
      const secrets = secretFile === null ? [] : await readSecrets(`${key}.secretFile`, secretFile);
      const body = bodyOf(event);
      const signature =
        secrets.length === 0 ? {} : { "es-failover-signature": signatureOf(body, secrets, clock.nowMs()) };
      const headers = { "idempotency-key": event.id, "es-failover-event": event.kind, ...signature };
      await post({ url: new URL(url), ca, headers, body, timeoutMs, signal });
    },
  };
}
