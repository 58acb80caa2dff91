import { readFile } from "node:fs/promises";

/** User and group as which the watchdog runs, see its unit. */
const SERVICE_USER = "es-failover";

/** Numeric owner of the service's files; undefined where this process may not give files away, or there is no such user yet. */
export async function serviceOwner(): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const users = await readFile("/etc/passwd", "utf8");
  const [, , uid, gid] =
    users
      .split("\n")
      .find((line) => line.startsWith(`${SERVICE_USER}:`))
      ?.split(":") ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}
