import { constants, type Stats } from "node:fs";
import { copyFile, link, open, realpath, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { errnoOf, reasonOf, syncDirectory } from "../../util/files.ts";

/** No configuration file is longer: a path to something else is a mistake. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** A file at the time of its reading. */
export interface ReadFile {
  /** Path with links resolved: the file is replaced, not a link to it. */
  readonly file: string;
  /** latin1: one character per byte. "" without a file. */
  readonly text: string;
  /** null: there is no file. */
  readonly stats: Stats | null;
}

/** @throws Error that names the file */
export async function readCurrent(file: string): Promise<ReadFile> {
  try {
    const real = await realpath(file);
    const handle = await open(real, "r");
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw new Error("is not a regular file");
      if (stats.size > MAX_FILE_BYTES) throw new Error(`is longer than ${MAX_FILE_BYTES} bytes: check the path`);
      const text = (await handle.readFile()).toString("latin1");
      if (text.includes("\0")) throw new Error("contains binary data: check the path");
      return { file: real, text, stats };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return { file: await resolved(file), text: "", stats: null };
    throw new Error(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Path of a new file, with the links of its directory resolved. */
async function resolved(file: string): Promise<string> {
  try {
    return path.join(await realpath(path.dirname(file)), path.basename(file));
  } catch (error) {
    throw new Error(`cannot write ${file}: the directory ${path.dirname(file)}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Another program changed the file after it was read. Nothing was written; read it again. */
export class ChangedConcurrently extends Error {}

export interface ReplaceOptions {
  readonly attributes: FileAttributes;
  /** Whether to keep the previous file as `<file>.bak`. */
  readonly backup: boolean;
  /** Throws the reason why the new file, of this path, must not replace the one before. */
  readonly validate?: (temporary: string) => Promise<void>;
}

export interface FileAttributes {
  readonly mode: number;
  /** undefined: this process's own. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** Those of the file before; `fallback` without one. */
export function attributesOf({ stats }: ReadFile, fallback: FileAttributes): FileAttributes {
  return stats === null ? fallback : { mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid };
}

/**
 * Replaces a file atomically and durably: writes and syncs a temporary file in the same directory, then renames it.
 *
 * @throws ChangedConcurrently
 * @throws Error that names the file and the reason; the file is unchanged then
 */
export async function replaceFile(
  current: ReadFile,
  text: string,
  { attributes, backup, validate }: ReplaceOptions,
): Promise<void> {
  const { file } = current;
  const directory = path.dirname(file);
  // Only one publisher writes a file, so the name can be fixed: this also removes what a killed publisher left.
  const temporary = path.join(directory, `.${path.basename(file)}.es-failover-new`);
  try {
    await rm(temporary, { force: true });
    await writeTemporary(temporary, text, attributes);
    await validate?.(temporary);
    await assertUnchanged(current);
    if (backup && current.stats !== null) await keepBackup(file);
    await rename(temporary, file);
    await syncDirectory(directory);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    if (error instanceof ChangedConcurrently) throw error;
    throw new Error(`cannot write ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

async function writeTemporary(temporary: string, text: string, { mode, uid, gid }: FileAttributes) {
  // Exclusive, so that no link in its place is followed.
  const handle = await open(temporary, "wx", 0o600);
  try {
    await handle.writeFile(text, "latin1");
    const own = { uid: process.geteuid?.(), gid: process.getegid?.() };
    const owner = { uid: uid ?? own.uid ?? -1, gid: gid ?? own.gid ?? -1 };
    if (owner.uid !== own.uid || owner.gid !== own.gid) {
      await handle.chown(owner.uid, owner.gid).catch((error) => {
        const name = `${owner.uid}:${owner.gid}`;
        throw new Error(`cannot give it the owner ${name} (${reasonOf(error)}): run the publisher as that user`);
      });
    }
    // After chown, which clears bits of the mode.
    await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function assertUnchanged({ file, stats: before }: ReadFile): Promise<void> {
  const now = await stat(file).catch((error) => {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  });
  const same =
    before === null || now === null
      ? before === now
      : before.ino === now.ino && before.size === now.size && before.ctimeMs === now.ctimeMs;
  if (!same) throw new ChangedConcurrently(`${file} was changed by another program at the same time`);
}

/** A hard link to the previous file takes no space, so a full disk does not prevent it. */
async function keepBackup(file: string): Promise<void> {
  const backup = `${file}.bak`;
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.es-failover-bak`);
  await rm(temporary, { force: true });
  try {
    await link(file, temporary);
  } catch {
    // Some file systems have no links, and some users may not link to files of others.
    await copyFile(file, temporary, constants.COPYFILE_EXCL);
  }
  await rename(temporary, backup);
}

/** Whether a file has these; without a file there is nothing to have them. */
export function hasAttributes({ stats }: ReadFile, { mode, uid, gid }: FileAttributes): boolean {
  if (stats === null) return false;
  const { mode: found, uid: user, gid: group } = stats;
  return (found & 0o7777) === mode && (uid === undefined || uid === user) && (gid === undefined || gid === group);
}
