import { type DestinationStream, type Logger, pino } from "pino";

/** Keys whose values are redacted, at the top level and one level down. */
const SECRET_KEYS = ["password", "passwd", "secret", "token", "apiKey", "authorization", "Authorization", "headers"];

/**
 * Logs JSON lines to standard output, which the journal keeps. Times are ISO 8601, levels are names.
 *
 * @param destination for tests; default standard output
 */
export function createLogger(
  level: "debug" | "info" | "warn" | "error",
  name: string,
  destination?: DestinationStream,
): Logger {
  const options = {
    level,
    base: { watchdog: name },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: "[secret]" },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
