import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { RecordCopy, Store } from "../../core/ports/store.ts";
import type { HistoryEntry } from "../../core/state/history.ts";
import type { Clock } from "../../util/clock.ts";
import { withFileLock } from "../../util/file-lock.ts";
import { appendHistory, readHistory } from "./history-file.ts";
import { type RecordFileContent, readRecordFile, writeRecordFile } from "./record-file.ts";
import { createRouterLeases } from "./router-leases.ts";

export interface FileStoreOptions {
  /** Created when missing. */
  readonly directory: string;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly leaseTtlMs: number;
  /** Routers beside this watchdog, which may still be routing when it starts. */
  readonly routers: readonly string[];
  /** Called when the state document was written but its history entry was not. */
  readonly historyFailed?: (error: unknown) => void;
}

/**
 * The store of a single watchdog: the state document as a file, changed under an exclusive lock, with its history as
 * JSON lines beside it. Several processes may read and write without losing a change.
 */
export function createFileStore(options: FileStoreOptions): Store {
  const recordFile = path.join(options.directory, "record.json");
  const historyFile = path.join(options.directory, "history.jsonl");
  const leases = createRouterLeases(options.clock, options.leaseTtlMs, options.routers);

  const readPresent = async (): Promise<RecordFileContent | null> => {
    const present = await readRecordFile(recordFile);
    if (present === null && (await exists(historyFile))) {
      throw new Error(
        `${recordFile} is missing, but ${historyFile} shows that there was a state document. Restore a copy of it; to ` +
          "start over with the configured first primary, remove the history as well.",
      );
    }
    return present;
  };

  const read = async () => {
    const present = await readPresent();
    return present === null ? null : { record: present.record, revision: present.revision };
  };

  return {
    read,
    // There is no other watchdog.
    readAsController: read,
    write: async (record, expected, entry) => {
      await mkdir(options.directory, { recursive: true, mode: 0o750 });
      return withFileLock(path.join(options.directory, "lock"), async () => {
        const present = await readPresent();
        if ((present?.revision ?? null) !== expected) return "conflict";
        const revision = await writeRecordFile(recordFile, record, entry);
        // The change is in effect. A history entry that fails here is added at the next write.
        try {
          await appendHistory(historyFile, [...(await missingFromHistory(historyFile, present)), entry]);
        } catch (error) {
          options.historyFailed?.(error);
        }
        return { revision };
      });
    },
    history: async (limit) => {
      const written = await readHistory(historyFile, limit);
      return [...written, ...(await missingFromHistory(historyFile, await readRecordFile(recordFile)))].slice(-limit);
    },
    renewRouterLease: async (router) => leases.renew(router),
    acknowledge: async (router, epoch) => leases.acknowledge(router, epoch),
    routerLeases: async () => leases.current(),
  };
}

/** This host's copy of the newest state document, for a store that comes up empty. */
export function createRecordCopy(file: string): RecordCopy {
  return {
    read: async () => (await readRecordFile(file))?.record ?? null,
    write: async (record) => {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o750 });
      await writeRecordFile(file, record, null);
    },
  };
}

/** The change that wrote the present document, where an interruption kept it from the history. */
async function missingFromHistory(
  historyFile: string,
  present: RecordFileContent | null,
): Promise<readonly HistoryEntry[]> {
  const entry = present?.entry ?? null;
  if (entry === null) return [];
  const last = (await readHistory(historyFile, 1)).at(-1);
  return isDeepStrictEqual(last, entry) ? [] : [entry];
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
