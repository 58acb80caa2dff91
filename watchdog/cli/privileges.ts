import { stat } from "node:fs/promises";
import { errnoOf, reasonOf } from "../util/files.ts";

/**
 * As root, becomes the user that a directory belongs to, for good: files that root left there the watchdog could not
 * read. Another user stays what it is.
 *
 * @throws Error when the directory cannot be looked at
 */
export async function actAsOwnerOf(directory: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  let owner: { readonly uid: number; readonly gid: number };
  try {
    owner = await stat(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOENT")
      throw new Error(`${directory} does not exist: the watchdog never ran on this host`);
    throw new Error(`${directory} cannot be looked at: ${reasonOf(error)}`, { cause: error });
  }
  if (owner.uid === 0) return;
  process.setgroups?.([owner.gid]);
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
}
