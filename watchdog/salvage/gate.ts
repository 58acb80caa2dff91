import type { DeletionAuthorization } from "../core/ports/salvage.ts";
import type { IndexState, ShardCheckpoint } from "../core/state/cluster.ts";
import type { Divergence } from "../core/state/divergence.ts";
import { finishedExports } from "./directories.ts";
import { type Discard, readDiscards } from "./discards.ts";
import { type IndexToExport, planExport } from "./export/export-plan.ts";
import { gapOf } from "./gap.ts";
import type { OldPrimary } from "./ports.ts";
import type { VerifiedReceipt } from "./receipt.ts";
import type { SecondCopy } from "./second-copy.ts";
import type { ReceiptVerifier } from "./verifier.ts";

/**
 * The only way to delete indices of an old primary: each has a verified receipt that accounts for all of its current
 * contents, or an operator discarded it by name.
 */

/** An index of the old primary in its current state. */
export interface DeletionCandidate {
  readonly state: IndexState;
  readonly checkpoints: readonly ShardCheckpoint[];
}

export interface Evidence {
  readonly divergence: Divergence;
  readonly clusterUuid: string;
  readonly receipts: readonly VerifiedReceipt[];
  /** Why some of the exports, by the UUID of their index, do not count. */
  readonly problems: ReadonlyMap<string, string>;
  readonly discards: readonly Discard[];
}

/** Pure. All or nothing: one index without proof keeps every index of the request. */
export function judge(candidates: readonly DeletionCandidate[], evidence: Evidence): DeletionAuthorization {
  const states = candidates.map(({ state }) => state);
  const plan = planExport(
    evidence.divergence,
    states,
    candidates.flatMap(({ checkpoints }) => checkpoints),
  );
  const exportable = new Map(plan.indices.map((index) => [index.uuid, index]));
  const blockers = new Map(plan.leftOut.map(({ index, reason }) => [index, reason]));
  const receiptsOf = Map.groupBy(evidence.receipts, ({ uuid }) => uuid);
  const refusals = states.flatMap((state) => {
    const index = exportable.get(state.uuid) ?? { blocker: blockers.get(state.name) ?? "it cannot be read" };
    const reason = refusalOf(state, index, receiptsOf.get(state.uuid) ?? [], evidence);
    return reason === null ? [] : [{ index: state.name, reason }];
  });
  if (refusals.length > 0) return { refusals };
  return { authorized: states.map(({ name, uuid }) => ({ name, uuid })) };
}

/** @param index what an export of it would read now, or why there could be none */
function refusalOf(
  state: IndexState,
  index: IndexToExport | { readonly blocker: string },
  receipts: readonly VerifiedReceipt[],
  evidence: Evidence,
): string | null {
  const { divergence, clusterUuid } = evidence;
  const isDiscarded = evidence.discards.some(
    (discard) => discard.clusterUuid === clusterUuid && discard.index === state.name && discard.uuid === state.uuid,
  );
  if (isDiscarded) return null;
  // What could not be exported now could have changed since it was.
  if ("blocker" in index) return index.blocker;
  const gaps = receipts.map((receipt) => gapOf(receipt, { region: divergence.oldRegion, clusterUuid, index }));
  if (gaps.includes(null)) return null;
  return evidence.problems.get(state.uuid) ?? gaps.at(-1) ?? "there is no valid receipt: salvage the region first";
}

export interface DeletionRequest {
  readonly root: string;
  /** Where a second copy of each export has to be; null: none is required. */
  readonly second: SecondCopy | null;
  readonly verifier: ReceiptVerifier;
  readonly divergence: Divergence;
  readonly oldPrimary: OldPrimary;
  readonly indices: readonly string[];
}

/**
 * Whether these indices of the old primary may be deleted, by their current state and the exports on this host. The files
 * of an export are read in full once, and again when they have changed.
 *
 * @throws ClusterError when the old primary does not answer
 */
export async function authorizeDeletion(request: DeletionRequest): Promise<DeletionAuthorization> {
  const { divergence, oldPrimary, indices } = request;
  const probe = await oldPrimary.probe();
  if (!probe.reachable) throw new Error(`${oldPrimary.region}: ${probe.error}`);
  const states = await oldPrimary.indices();
  const unknown = indices.filter((name) => !states.some((state) => state.name === name));
  if (unknown.length > 0) {
    const reason = `${oldPrimary.region} has no managed index of this name`;
    return { refusals: unknown.map((index) => ({ index, reason })) };
  }
  const named = states.filter((state) => indices.includes(state.name));
  const open = named.filter((state) => state.open).map((state) => state.name);
  const checkpoints = open.length === 0 ? [] : await oldPrimary.checkpoints(open);
  const ofIndex = Map.groupBy(checkpoints, ({ index }) => index);
  return judge(
    named.map((state) => ({ state, checkpoints: ofIndex.get(state.name) ?? [] })),
    {
      divergence,
      clusterUuid: probe.clusterUuid,
      ...(await validReceipts(request, new Set(named.map(({ uuid }) => uuid)))),
      discards: await readDiscards(request.root),
    },
  );
}

async function validReceipts(
  { root, second, verifier }: DeletionRequest,
  uuids: ReadonlySet<string>,
): Promise<Pick<Evidence, "receipts" | "problems">> {
  const receipts: VerifiedReceipt[] = [];
  const problems = new Map<string, string>();
  const problemOfCopy = await second?.problems(root);
  for await (const { directory, receipt } of finishedExports(root)) {
    if (!uuids.has(receipt.uuid)) continue;
    const check = await verifier.verify(directory);
    const problem = check.valid ? ((await problemOfCopy?.(directory, check.receipt)) ?? null) : check.problem;
    if (problem !== null) problems.set(receipt.uuid, problem);
    else if (check.valid) receipts.push(check.receipt);
  }
  return { receipts, problems };
}
