import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * The number of a user or group.
 *
 * @throws Error when the host has none of this name
 */
export async function accountId(database: "passwd" | "group", name: string | null): Promise<number | undefined> {
  if (name === null) return undefined;
  if (/^\d+$/.test(name)) return Number(name);
  const what = database === "passwd" ? "user" : "group";
  // Through the host's name services: an account need not be in a file.
  const found = await run("getent", [database, name], { timeout: 5_000 }).catch(() => null);
  const id = Number(found?.stdout.split(":")[2] ?? Number.NaN);
  if (Number.isInteger(id)) return id;
  throw new Error(`this host has no ${what} ${name}`);
}
