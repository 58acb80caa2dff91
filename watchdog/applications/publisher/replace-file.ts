import { constants, type Stats } from "node:fs";
import { copyFile, link, open, realpath, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { errnoOf, reasonOf, syncDirectory } from "../../util/files.ts";

/** A configuration file that is longer is none. */
const MAX_FILE_BYTES = 64 * 1024;

/** A file as it was read; `stats` null where there is none. */
export interface SeenFile {
  /** Where it lies, links resolved: what is replaced is the file, not a link to it. */
  readonly file: string;
  /** A character per byte. */
  readonly text: string;
  readonly stats: Stats | null;
}

/** @throws Error that names the file */
export async function readSeen(file: string): Promise<SeenFile> {
  try {
    const real = await realpath(file);
    const handle = await open(real, "r");
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw new Error("is not a regular file");
      if (stats.size > MAX_FILE_BYTES) throw new Error(`is longer than ${MAX_FILE_BYTES} bytes: is it the right file?`);
      const text = (await handle.readFile()).toString("latin1");
      if (text.includes("\0")) throw new Error("holds binary data: is it the right file?");
      return { file: real, text, stats };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return { file: await resolved(file), text: "", stats: null };
    throw new Error(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Where a file that is not there yet will lie: its directory's links are resolved all the same. */
async function resolved(file: string): Promise<string> {
  try {
    return path.join(await realpath(path.dirname(file)), path.basename(file));
  } catch (error) {
    throw new Error(`cannot write ${file}: the folder ${path.dirname(file)}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Somebody else changed the file after it was read: nothing was done, it has to be read again. */
export class ChangedMeanwhile extends Error {}

export interface ReplaceOptions {
  /** Of a file that is not there yet. */
  readonly newFileMode: number;
  /** Whether what stood there is kept as `<file>.bak`. */
  readonly backup: boolean;
}

/**
 * Replaces a file that was read before in one step, on disk once this returns: a temporary file in the same folder, its
 * content on disk, then its name. Owner and mode stay as they were.
 *
 * @throws ChangedMeanwhile
 * @throws Error that names the file and says what is wrong; the file is as it was then
 */
export async function replaceFile(
  seen: SeenFile,
  text: string,
  { newFileMode, backup }: ReplaceOptions,
): Promise<void> {
  const { file } = seen;
  const directory = path.dirname(file);
  // One publisher writes a file, so the name may be fixed: what a killed one left behind is cleared away here.
  const temporary = path.join(directory, `.${path.basename(file)}.es-failover-new`);
  try {
    await rm(temporary, { force: true });
    await writeTemporary(temporary, text, seen, newFileMode);
    await demandUnchanged(seen);
    if (backup && seen.stats !== null) await keepBackup(file);
    await rename(temporary, file);
    await syncDirectory(directory);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    if (error instanceof ChangedMeanwhile) throw error;
    throw new Error(`cannot write ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

async function writeTemporary(temporary: string, text: string, { stats }: SeenFile, newFileMode: number) {
  // Exclusive: a link that somebody laid there is not followed.
  const handle = await open(temporary, "wx", 0o600);
  try {
    await handle.writeFile(text, "latin1");
    if (stats !== null && (stats.uid !== process.geteuid?.() || stats.gid !== process.getegid?.())) {
      await handle.chown(stats.uid, stats.gid).catch((error) => {
        const owner = `${stats.uid}:${stats.gid}`;
        throw new Error(`its owner ${owner} cannot be kept (${reasonOf(error)}): run the publisher as that user`);
      });
    }
    // After the owner: a change of owner clears bits of the mode.
    await handle.chmod(stats === null ? newFileMode : stats.mode & 0o7777);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function demandUnchanged({ file, stats: before }: SeenFile): Promise<void> {
  const now = await stat(file).catch((error) => {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  });
  const same =
    before === null || now === null
      ? before === now
      : before.ino === now.ino && before.size === now.size && before.ctimeMs === now.ctimeMs;
  if (!same) throw new ChangedMeanwhile(`${file} was changed by somebody else at the same moment`);
}

/** A second name for what is about to be replaced: it takes no space, so a full disk does not prevent it. */
async function keepBackup(file: string): Promise<void> {
  const backup = `${file}.bak`;
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.es-failover-bak`);
  await rm(temporary, { force: true });
  try {
    await link(file, temporary);
  } catch {
    // Not every file system has links, and not every user may make one to another's file.
    await copyFile(file, temporary, constants.COPYFILE_EXCL);
  }
  await rename(temporary, backup);
}
