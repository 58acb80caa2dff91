import type { Logged } from "./log-events.ts";

/** Destination of log events. pino's loggers implement it. */
export interface Logger {
  debug(fields: Logged<"debug">, message: string): void;
  info(fields: Logged<"info">, message: string): void;
  warn(fields: Logged<"warn">, message: string): void;
  error(fields: Logged<"error">, message: string): void;
}
