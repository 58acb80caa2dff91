import { stat } from "node:fs/promises";
import { errnoOf, reasonOf } from "../util/files.ts";

/**
 * Root permanently becomes the owner of a directory: the watchdog could not read files that root creates there. Any
 * other user stays as it is.
 *
 * @throws Error when the directory is missing or its owner cannot be read
 */
export async function actAsOwnerOf(directory: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  let owner: { readonly uid: number; readonly gid: number };
  try {
    owner = await stat(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") {
      throw new Error(`${directory} does not exist: no watchdog has run on this host yet`);
    }
    throw new Error(`cannot read the owner of ${directory}: ${reasonOf(error)}`, { cause: error });
  }
  if (owner.uid === 0) return;
  process.setgroups?.([owner.gid]);
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
}
