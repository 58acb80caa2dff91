import { stat } from "node:fs/promises";
import path from "node:path";
import {
  contentProblem,
  type Receipt,
  type ReceiptCheck,
  readReceipt,
  type VerifiedReceipt,
  verifyReceipt,
} from "./receipt.ts";

/**
 * Verifies receipts, and reads exported files again only when they or their receipt have changed: an export may have many
 * gigabytes, and every attempt to clear a region asks for it.
 */
export class ReceiptVerifier {
  readonly #known = new Map<string, { readonly fingerprint: string; readonly receipt: VerifiedReceipt }>();
  readonly #problemOf: (directory: string, receipt: Receipt) => Promise<string | null>;
  /** How often exported files were read in full. */
  filesRead = 0;

  /** @param problemOf why the files do not match the receipt; default: by their sums and by every line */
  constructor(problemOf = contentProblem) {
    this.#problemOf = problemOf;
  }

  async verify(directory: string): Promise<ReceiptCheck> {
    const fingerprint = await fingerprintOf(directory).catch(() => null);
    const known = this.#known.get(directory);
    if (known !== undefined && known.fingerprint === fingerprint) return { valid: true, receipt: known.receipt };
    this.#known.delete(directory);
    this.filesRead += 1;
    const check = await verifyReceipt(directory, this.#problemOf);
    // A file that changed while it was read has another fingerprint by now.
    if (check.valid && fingerprint !== null) this.#known.set(directory, { fingerprint, receipt: check.receipt });
    return check;
  }
}

/** The receipt's content, and identity, size and times of the files that it proves. */
async function fingerprintOf(directory: string): Promise<string> {
  const receipt = await readReceipt(directory);
  if (receipt === null) throw new Error(`${directory} has no receipt`);
  const files = [receipt.operations.file, receipt.definition.file];
  const states = await Promise.all(
    files.map(async (file) => {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path.join(directory, file), { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join();
    }),
  );
  return [JSON.stringify(receipt), ...states].join("\n");
}
