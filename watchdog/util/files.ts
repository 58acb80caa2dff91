import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import path from "node:path";
import { messageOf } from "./errors.ts";

export interface AtomicWriteOptions {
  readonly mode: number;
  /** Numeric owner; default: the process's own. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Whether to return only once content and name are on disk. Default true. */
  readonly durable?: boolean;
}

/**
 * Replaces a file in one step: readers see the old content or the new one, never a part. The temporary file is in the
 * same directory, because a rename does not cross file systems, and is removed on failure.
 *
 * @throws Error that names the file and the reason ("no space left on device")
 */
export async function writeFileAtomically(file: string, content: string, options: AtomicWriteOptions): Promise<void> {
  const directory = path.dirname(file);
  const temporary = path.join(
    directory,
    `.${path.basename(file)}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`,
  );
  const durable = options.durable ?? true;
  try {
    const handle = await open(temporary, "wx", options.mode);
    try {
      await handle.writeFile(content);
      // open() applies the umask to its mode.
      await handle.chmod(options.mode);
      if (options.owner !== undefined) await handle.chown(options.owner.uid, options.owner.gid);
      if (durable) await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    if (durable) await syncDirectory(directory);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new Error(`cannot write ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

/** A rename is durable only once its directory has been synced. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The code of a system error, such as "ENOENT". */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** The reason of a system error, without the call and the path, which the caller's sentence names. */
export function reasonOf(error: unknown): string {
  const message = messageOf(error);
  return /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message;
}
