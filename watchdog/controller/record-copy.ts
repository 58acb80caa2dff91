import type { RecordCopy } from "../core/ports/store.ts";
import type { StateRecord } from "../core/state/record.ts";
import { messageOf } from "../util/errors.ts";
import type { Logger } from "../util/logger.ts";
import type { ObservedState } from "./observed-state.ts";

interface CopyParts {
  readonly copy: RecordCopy;
  readonly log: Logger;
}

/** A copy that cannot be read stops no traffic, but while its content is unknown no first primary is made. */
export async function readCopy({ copy, log }: CopyParts, observed: ObservedState): Promise<void> {
  try {
    observed.newestCopy = await copy.read();
  } catch (error) {
    observed.copyError = messageOf(error);
    const sentence = `the copy of the record on this host cannot be read: ${messageOf(error)}`;
    log.error({ event: "copy-error", error: messageOf(error) }, sentence);
  }
}

/** Does nothing when the copy is as new as the record. */
export async function saveCopy({ copy, log }: CopyParts, observed: ObservedState, record: StateRecord): Promise<void> {
  if (!observed.isNewerThanCopy(record)) return;
  observed.newestCopy = record;
  try {
    await copy.write(record);
  } catch (error) {
    const sentence = `the copy of the record on this host could not be written: ${messageOf(error)}`;
    log.error({ event: "copy-error", error: messageOf(error) }, sentence);
  }
}
