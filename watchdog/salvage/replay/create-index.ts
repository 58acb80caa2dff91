import path from "node:path";
import { messageOf } from "../../util/errors.ts";
import { creationOf, readDefinition, withoutPrivateSettings } from "../definition.ts";
import type { ActivePrimary } from "../ports.ts";
import type { Receipt } from "../receipt.ts";
import type { ReplayChoice } from "./replay-plan.ts";

/**
 * Whether a replay creates the index where the active region lacks it. One that was replicated may have been deleted there
 * since, like a document.
 */
export function mayCreate({ shards }: Receipt, { includeMayBeDeleted }: ReplayChoice): boolean {
  return includeMayBeDeleted || shards.every(({ checkpoint }) => checkpoint === -1);
}

/** A refusal names every private setting at once. */
const ATTEMPTS = 3;

/**
 * Creates the index as the old primary had it. Returns why the active region refused it, with the remedy; null when it is
 * there.
 */
export async function createIndexOf(
  directory: string,
  receipt: Receipt,
  active: ActivePrimary,
): Promise<string | null> {
  let definition = creationOf(await readDefinition(directory, receipt));
  for (let attempt = 1; ; attempt += 1) {
    try {
      await active.createIndex(receipt.index, definition);
      return null;
    } catch (error) {
      const accepted = withoutPrivateSettings(definition, messageOf(error));
      if (accepted === null || attempt === ATTEMPTS) {
        const file = path.join(directory, receipt.definition.file);
        return `${messageOf(error)}. Create it from ${file}, changed as it has to be, and repeat the replay`;
      }
      definition = accepted;
    }
  }
}
