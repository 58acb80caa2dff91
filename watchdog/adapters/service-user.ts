import process from "node:process";
import { accountId } from "../util/account-id.ts";

/** User and group as which the watchdog runs, see its unit. */
const SERVICE_USER = "es-failover";

/** Numeric owner of the service's files; undefined where this process may not give files away, or there is no such user yet. */
export async function serviceOwner(): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const ids = [accountId("passwd", SERVICE_USER), accountId("group", SERVICE_USER)];
  const [uid, gid] = await Promise.all(ids).catch(() => []);
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}
