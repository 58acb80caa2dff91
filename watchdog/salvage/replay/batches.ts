import path from "node:path";
import { readLines } from "../lines.ts";
import { operationFromLine, type SalvagedOperation } from "../operation.ts";
import type { VerifiedReceipt } from "../receipt.ts";

/** Bounds of a batch in memory and in one request. */
export interface BatchBounds {
  readonly maxOperations: number;
  readonly maxBytes: number;
}

export const defaultBatchBounds: BatchBounds = { maxOperations: 500, maxBytes: 4 * 1024 * 1024 };

export interface NumberedOperation {
  /** Position in the exported file, from 0. */
  readonly n: number;
  readonly operation: SalvagedOperation;
}

/** The exported operations in the order of the file. */
export async function* operationBatches(
  directory: string,
  receipt: VerifiedReceipt,
  bounds: BatchBounds,
): AsyncGenerator<readonly NumberedOperation[]> {
  let batch: NumberedOperation[] = [];
  let bytes = 0;
  let n = 0;
  for await (const line of readLines(path.join(directory, receipt.operations.file), receipt.operations.compression)) {
    if (batch.length > 0 && (batch.length >= bounds.maxOperations || bytes + line.length > bounds.maxBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push({ n, operation: operationFromLine(line) });
    bytes += line.length;
    n += 1;
  }
  if (batch.length > 0) yield batch;
}
