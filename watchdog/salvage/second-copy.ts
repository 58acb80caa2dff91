import { copyFile, mkdir, open, rm, stat } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { commitFile, PRIVATE_DIRECTORY } from "../util/durable.ts";
import { messageOf } from "../util/errors.ts";
import { finishedExports } from "./directories.ts";
import { type Receipt, readReceipt, writeReceipt } from "./receipt.ts";
import { ReceiptVerifier } from "./verifier.ts";

/** Where each export is kept a second time, and what has to be there before anything is deleted. */
export interface SecondCopy {
  /**
   * Copies the finished exports below `root` that the second place lacks. `proceed` throws to stop in between.
   *
   * @throws Error that names what could not be copied, and why
   */
  copy(root: string, proceed: () => void): Promise<void>;
  /** Looks at the copies, and returns why that of an export does not prove what its receipt does; null when it does. */
  problems(root: string): Promise<(directory: string, receipt: Receipt) => Promise<string | null>>;
}

export interface MountedPlace {
  /** A directory of another site's disk, mounted on this host. */
  readonly root: string;
  /** Identifies the file system that a path is on. */
  readonly deviceOf: (file: string) => Promise<number>;
}

export function copyOnMountedDisk(place: MountedPlace): SecondCopy {
  const verifier = new ReceiptVerifier();
  return {
    copy: (root) => copyExports(root, place),
    problems: async (root) => (directory, receipt) => copyProblem(copyOf(root, place, directory), receipt, verifier),
  };
}

export const deviceOf = async (file: string): Promise<number> => (await stat(file)).dev;

/**
 * The receipt last.
 *
 * @throws Error when the second place is on the disk of the exports, as it is while nothing is mounted there
 */
async function copyExports(root: string, second: MountedPlace): Promise<void> {
  await mkdir(second.root, { recursive: true, mode: PRIVATE_DIRECTORY });
  if ((await second.deviceOf(second.root)) === (await second.deviceOf(root))) {
    throw new Error(
      `${second.root} is on the same disk as ${root}: mount a disk of another site there (salvage.copyTo)`,
    );
  }
  for await (const { directory, receipt } of finishedExports(root)) {
    const target = copyOf(root, second, directory);
    const present = await readReceipt(target).catch(() => null);
    if (!isDeepStrictEqual(present, receipt)) await copyExport(directory, target, receipt);
  }
}

async function copyProblem(copy: string, receipt: Receipt, verifier: ReceiptVerifier): Promise<string | null> {
  const check = await verifier.verify(copy);
  if (!check.valid) return `its second copy is not confirmed: ${check.problem}`;
  const { operations, definition, shards } = check.receipt;
  const isSame = isDeepStrictEqual(
    { operations, definition, shards },
    { operations: receipt.operations, definition: receipt.definition, shards: receipt.shards },
  );
  return isSame ? null : "its second copy is another export";
}

const copyOf = (root: string, second: MountedPlace, directory: string) =>
  path.join(second.root, path.relative(root, directory));

async function copyExport(directory: string, target: string, receipt: Receipt): Promise<void> {
  try {
    await rm(target, { recursive: true, force: true });
    await mkdir(target, { recursive: true, mode: PRIVATE_DIRECTORY });
    for (const file of [receipt.operations.file, receipt.definition.file]) {
      const partial = path.join(target, `${file}.partial`);
      await copyFile(path.join(directory, file), partial);
      const handle = await open(partial, "r+");
      await handle.sync().finally(() => handle.close());
      await commitFile(partial, path.join(target, file));
    }
    await writeReceipt(target, receipt);
  } catch (error) {
    throw new Error(`cannot copy ${directory} to ${target}: ${messageOf(error)}`, { cause: error });
  }
}
