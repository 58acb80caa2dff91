import type { RegionName } from "../../config/address.ts";
import type { IndexState, ShardCheckpoint } from "../../core/state/cluster.ts";
import type { DocumentReference } from "../../salvage/ports.ts";
import { type DocumentDifference, judgeDocument, type PairedIndices, pairIndices, positionOf } from "./compare.ts";
import type { ComparedRegion, SampledDocument } from "./ports.ts";
import { sampleSeqNos } from "./sample.ts";

export interface VerifyOptions {
  /** The active region. */
  readonly leader: ComparedRegion;
  /** The standby. */
  readonly follower: ComparedRegion;
  /** Selects the sample: the same seed gives the same sequence numbers. */
  readonly seed: string;
  /** Sequence numbers per shard, at most 1 000. Default 100. */
  readonly sampleSize?: number;
}

export interface ShardComparison {
  readonly shard: number;
  readonly leaderMaxSeqNo: number;
  readonly followerCheckpoint: number;
  /** Operations that the follower lacked at the start of the comparison. */
  readonly lag: number;
  /** Documents compared. Fewer than the sample if operations are deletes or were replaced later. */
  readonly documents: number;
  readonly inconclusive: number;
  readonly differences: readonly DocumentDifference[];
}

export interface IndexComparison {
  readonly index: string;
  readonly documents: { readonly leader: number; readonly follower: number };
  /** unknown: replication was active, so that counts taken at two times are not comparable. */
  readonly counts: "equal" | "different" | "unknown";
  readonly shards: readonly ShardComparison[];
}

export interface VerifyReport extends Pick<PairedIndices, "onlyOnLeader" | "onlyOnFollower" | "incomparable"> {
  readonly leader: RegionName;
  readonly follower: RegionName;
  readonly seed: string;
  readonly indices: readonly IndexComparison[];
  /**
   * - different: something differs that should be equal
   * - behind: no difference in what both have, but the follower lacks operations or indices
   * - equal: no difference found in the sample
   */
  readonly verdict: "equal" | "behind" | "different";
}

const DEFAULT_SAMPLE_SIZE = 100;
const MAX_SAMPLE_SIZE = 1_000;

/**
 * Compares two regions: indices, documents per index, checkpoints per shard, and a seeded sample of documents.
 *
 * @throws ClusterError when a region cannot be read
 */
export async function verifyRegions(options: VerifyOptions): Promise<VerifyReport> {
  const { leader, follower, seed } = options;
  const [leaderIndices, followerIndices] = await Promise.all([leader.indices(), follower.indices()]);
  const paired = pairIndices(leaderIndices, followerIndices);
  const names = paired.common.map(({ name }) => name);
  const before = await readCheckpoints(options, names);
  if (names.length > 0) await Promise.all([leader.refresh(names), follower.refresh(names)]);
  const [leaderCounts, followerCounts] = await Promise.all([leader.count(names), follower.count(names)]);
  const observed: { index: IndexState; shards: ObservedShard[] }[] = [];
  for (const index of paired.common) observed.push({ index, shards: await observeShards(options, index, before) });
  const after = await readCheckpoints(options, names);

  const indices = observed.map(({ index: { name }, shards }) => {
    const counted = { leader: leaderCounts.get(name) ?? 0, follower: followerCounts.get(name) ?? 0 };
    return compareIndex(name, counted, shards, before, after);
  });
  const { onlyOnLeader, onlyOnFollower, incomparable } = paired;
  const report = { leader: leader.region, follower: follower.region, seed, indices };
  return { ...report, onlyOnLeader, onlyOnFollower, incomparable, verdict: verdictOf(indices, paired) };
}

interface Checkpoints {
  readonly leader: readonly ShardCheckpoint[];
  readonly follower: readonly ShardCheckpoint[];
}

async function readCheckpoints({ leader, follower }: VerifyOptions, names: readonly string[]): Promise<Checkpoints> {
  if (names.length === 0) return { leader: [], follower: [] };
  // The follower first, so that its checkpoint never appears ahead of its leader's.
  const ofFollower = await follower.checkpoints(names);
  return { leader: await leader.checkpoints(names), follower: ofFollower };
}

/** A sampled document that was not equal in both regions, read again by its id. */
interface Candidate extends DocumentReference {
  readonly follower: SampledDocument["copy"] | null;
  readonly leader: SampledDocument["copy"] | null;
}

interface ObservedShard {
  readonly shard: number;
  readonly equal: number;
  readonly candidates: readonly Candidate[];
}

async function observeShards(options: VerifyOptions, index: IndexState, before: Checkpoints): Promise<ObservedShard[]> {
  const observed: ObservedShard[] = [];
  for (let shard = 0; shard < index.primaries; shard += 1) {
    const [ours, theirs] = [pick(before.leader, index.name, shard), pick(before.follower, index.name, shard)];
    const sharedUpTo = Math.min(ours.globalCheckpoint, theirs.globalCheckpoint);
    const size = Math.min(options.sampleSize ?? DEFAULT_SAMPLE_SIZE, MAX_SAMPLE_SIZE);
    const seqNos = sampleSeqNos(`${options.seed}/${index.name}/${shard}`, sharedUpTo, size);
    observed.push({ shard, ...(await observeSample(options, index.name, shard, seqNos)) });
  }
  return observed;
}

async function observeSample(
  { leader, follower }: VerifyOptions,
  index: string,
  shard: number,
  seqNos: readonly number[],
): Promise<Pick<ObservedShard, "equal" | "candidates">> {
  if (seqNos.length === 0) return { equal: 0, candidates: [] };
  const theirs = await follower.documentsAt(index, shard, seqNos);
  const ours = await leader.documentsAt(index, shard, seqNos);
  const theirsByKey = new Map(theirs.map((document) => [keyOf(document), document]));
  const everyDocument = new Map([...theirs, ...ours].map((document) => [keyOf(document), document]));
  const equal = ours.filter((document) => {
    const other = theirsByKey.get(keyOf(document));
    return other !== undefined && JSON.stringify(contentOf(other)) === JSON.stringify(contentOf(document));
  });
  for (const document of equal) everyDocument.delete(keyOf(document));
  const references = [...everyDocument.values()].map(({ id, routing }) => ({ index, id, routing }));
  const followerCopies = await follower.documents(references);
  const leaderCopies = await leader.documents(references);
  const candidates = references.map((reference, position) => ({
    ...reference,
    follower: followerCopies[position] ?? null,
    leader: leaderCopies[position] ?? null,
  }));
  return { equal: equal.length, candidates };
}

function compareIndex(
  index: string,
  documents: IndexComparison["documents"],
  observed: readonly ObservedShard[],
  before: Checkpoints,
  after: Checkpoints,
): IndexComparison {
  let atRest = true;
  const shards = observed.map(({ shard, equal, candidates }): ShardComparison => {
    const start = { leader: pick(before.leader, index, shard), follower: pick(before.follower, index, shard) };
    const end = { leader: pick(after.leader, index, shard), follower: pick(after.follower, index, shard) };
    const position = positionOf({ before: start, after: end });
    atRest &&= position.atRest;
    const judged = candidates.map((candidate) => ({
      candidate,
      kind: judgeDocument(candidate.follower, candidate.leader, position),
    }));
    return {
      shard,
      leaderMaxSeqNo: start.leader.maxSeqNo,
      followerCheckpoint: start.follower.globalCheckpoint,
      lag: Math.max(0, start.leader.maxSeqNo - start.follower.globalCheckpoint),
      documents: equal + judged.length,
      inconclusive: judged.filter(({ kind }) => kind === "inconclusive").length,
      differences: judged.flatMap(({ candidate: { id, routing }, kind }) =>
        kind === "equal" || kind === "inconclusive" ? [] : [{ index, id, routing, kind }],
      ),
    };
  });
  const isEqual = documents.leader === documents.follower;
  return { index, documents, counts: atRest ? (isEqual ? "equal" : "different") : "unknown", shards };
}

function verdictOf(indices: readonly IndexComparison[], paired: PairedIndices): VerifyReport["verdict"] {
  const shards = indices.flatMap((index) => index.shards);
  const isDifferent =
    paired.onlyOnFollower.length > 0 ||
    paired.incomparable.length > 0 ||
    indices.some(({ counts }) => counts === "different") ||
    shards.some(({ differences }) => differences.length > 0);
  if (isDifferent) return "different";
  const isBehind = paired.onlyOnLeader.length > 0 || shards.some(({ lag, inconclusive }) => lag + inconclusive > 0);
  return isBehind ? "behind" : "equal";
}

/** @throws Error when a shard stopped reporting during the comparison */
function pick(checkpoints: readonly ShardCheckpoint[], index: string, shard: number): ShardCheckpoint {
  const found = checkpoints.find((checkpoint) => checkpoint.index === index && checkpoint.shard === shard);
  if (found === undefined) throw new Error(`shard ${shard} of ${index} does not report its checkpoint: try again`);
  return found;
}

function keyOf({ id, routing }: DocumentReference): string {
  return JSON.stringify([id, routing]);
}

function contentOf({ copy: { seqNo, version, contentHash } }: SampledDocument): unknown {
  return { seqNo, version: String(version), contentHash };
}
