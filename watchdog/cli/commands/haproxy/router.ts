import type { RouterSettings, WatchdogConfig } from "../../../config/schema.ts";

/** @throws Error on a host without HAProxy */
export function routerOf({ router }: Pick<WatchdogConfig, "router">, configFile: string): RouterSettings {
  if (router === null) throw new Error(`${configFile}: router is null, so this host has no HAProxy to configure`);
  return router;
}
