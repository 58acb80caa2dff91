import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { messageOf } from "../../util/errors.ts";
import { finishedExports } from "../directories.ts";
import type { Receipt } from "../receipt.ts";
import type { SecondCopy } from "../second-copy.ts";
import { CHUNK_BYTES, type Copy, type CopyPlace, copyOf, type IndexPlace } from "./place.ts";

/**
 * Copies at any of the places, of which the first that takes an export gets it. What was sent before an interruption is not sent
 * again.
 *
 * @param places as known when they are asked, the preferred one first
 */
export function copiesAtOtherSites(places: () => readonly CopyPlace[]): SecondCopy {
  return {
    copy: async (root, proceed) => {
      const known = await knownCopies(places());
      for await (const { directory, receipt } of finishedExports(root)) {
        const wanted = copyOf(placeOf(directory), receipt);
        if (!known.copies.some((copy) => isDeepStrictEqual(copy, wanted))) {
          await sendAnywhere(places(), { directory, receipt }, proceed);
        }
      }
    },
    problems: async () => {
      const { copies, errors } = await knownCopies(places());
      return async (directory, receipt) => {
        const wanted = copyOf(placeOf(directory), receipt);
        if (copies.some((copy) => isDeepStrictEqual(copy, wanted))) return null;
        return `no host of another site has a copy of it${errors.length === 0 ? "" : `: ${errors.join("; ")}`}`;
      };
    },
  };
}

const placeOf = (directory: string): IndexPlace => ({
  export: path.basename(path.dirname(directory)),
  index: path.basename(directory),
});

/** A place that does not answer has none that counts. */
async function knownCopies(
  places: readonly CopyPlace[],
): Promise<{ readonly copies: readonly Copy[]; readonly errors: readonly string[] }> {
  const answers = await Promise.allSettled(places.map((place) => place.copies()));
  return {
    copies: answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : [])),
    errors: answers.flatMap((answer, position) =>
      answer.status === "rejected" ? [`${places[position]?.name}: ${messageOf(answer.reason)}`] : [],
    ),
  };
}

interface Export {
  readonly directory: string;
  readonly receipt: Receipt;
}

async function sendAnywhere(places: readonly CopyPlace[], exported: Export, proceed: () => void): Promise<void> {
  const errors: string[] = [];
  for (const place of places) {
    try {
      return await send(place, exported, proceed);
    } catch (error) {
      // Thrown by `proceed`: this watchdog may no longer act.
      proceed();
      errors.push(`${place.name}: ${messageOf(error)}`);
    }
  }
  const why = errors.length === 0 ? "no watchdog of another site is registered" : errors.join("; ");
  throw new Error(`cannot copy ${exported.directory} to a host of another site (salvage.secondSite): ${why}`);
}

async function send(place: CopyPlace, { directory, receipt }: Export, proceed: () => void): Promise<void> {
  const at = placeOf(directory);
  for (const { file, bytes } of [receipt.operations, receipt.definition]) {
    const handle = await open(path.join(directory, file), "r");
    try {
      await sendFile(handle, bytes, (from, chunk) => {
        proceed();
        return place.append(at, file, from, chunk);
      });
    } finally {
      await handle.close();
    }
  }
  const problem = await place.finish(at, receipt);
  if (problem !== null) throw new Error(problem);
}

/** From where an interruption left it, one chunk at a time. */
async function sendFile(
  handle: FileHandle,
  bytes: number,
  append: (from: number, chunk: Buffer) => Promise<number>,
): Promise<void> {
  const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, bytes));
  let at = await append(0, Buffer.alloc(0));
  // A longer file is found by `finish`, which removes it.
  while (at < bytes) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, bytes - at), at);
    const next = await append(at, buffer.subarray(0, bytesRead));
    if (next <= at) throw new Error(`its copy does not grow beyond ${at} of ${bytes} bytes`);
    at = next;
  }
}
