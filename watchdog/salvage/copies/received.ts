import { mkdir, open, rm, stat } from "node:fs/promises";
import path from "node:path";
import { serially } from "../../util/concurrency.ts";
import { commitFile, PRIVATE_DIRECTORY, PRIVATE_FILE } from "../../util/durable.ts";
import { errnoOf } from "../../util/files.ts";
import { finishedExports } from "../directories.ts";
import { assertRoomFor, type Room } from "../export/room.ts";
import { type Receipt, sumsProblem, writeReceipt } from "../receipt.ts";
import { ReceiptVerifier } from "../verifier.ts";
import { type Copy, copyOf, fileNameSchema, type IndexPlace, indexPlaceSchema, senderSchema } from "./place.ts";

/** Directory of the copies that a host keeps for the watchdogs of other sites, in one directory each. */
export const receivedRoot = (stateDirectory: string) => path.join(stateDirectory, "salvage-copies");

/** The exports of other sites' hosts on this one. Names are checked here, as they come from elsewhere and become paths. */
export class ReceivedCopies {
  readonly #root: string;
  readonly #room: Room;
  readonly #verifier = new ReceiptVerifier(sumsProblem);
  readonly #inTurn = serially();

  constructor(root: string, room: Room) {
    this.#root = root;
    this.#room = room;
  }

  async copies(sender: string): Promise<readonly Copy[]> {
    const own = path.join(this.#root, senderSchema.parse(sender));
    const found: Copy[] = [];
    for await (const { directory, receipt } of finishedExports(own)) {
      if (!(await this.#verifier.verify(directory)).valid) continue;
      found.push(copyOf({ export: path.basename(path.dirname(directory)), index: path.basename(directory) }, receipt));
    }
    return found;
  }

  append(sender: string, place: IndexPlace, file: string, from: number, chunk: Buffer): Promise<number> {
    return this.#inTurn(async () => {
      const directory = this.#directoryOf(sender, place);
      const target = path.join(directory, fileNameSchema.parse(file));
      const complete = await stat(target).catch(() => null);
      if (complete !== null) return complete.size;
      await mkdir(directory, { recursive: true, mode: PRIVATE_DIRECTORY });
      await assertRoomFor(chunk.length, directory, this.#room);
      const handle = await open(partialOf(target), "a", PRIVATE_FILE);
      try {
        const { size } = await handle.stat();
        if (size !== from) return size;
        await handle.appendFile(chunk);
        return size + chunk.length;
      } finally {
        await handle.close();
      }
    });
  }

  finish(sender: string, place: IndexPlace, receipt: Receipt): Promise<string | null> {
    return this.#inTurn(async () => {
      const directory = this.#directoryOf(sender, place);
      for (const { file } of [receipt.operations, receipt.definition]) {
        await commitPartial(path.join(directory, fileNameSchema.parse(file)));
      }
      const problem = await sumsProblem(directory, receipt);
      if (problem === null) await writeReceipt(directory, receipt);
      else await rm(directory, { recursive: true, force: true });
      return problem;
    });
  }

  #directoryOf(sender: string, place: IndexPlace): string {
    const { export: name, index } = indexPlaceSchema.parse(place);
    return path.join(this.#root, senderSchema.parse(sender), name, index);
  }
}

const partialOf = (target: string) => `${target}.partial`;

/** Nothing is left to do when it was committed before. */
async function commitPartial(target: string): Promise<void> {
  const handle = await open(partialOf(target), "r+").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  });
  if (handle === null) return;
  await handle.sync().finally(() => handle.close());
  await commitFile(partialOf(target), target);
}
