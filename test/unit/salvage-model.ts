import type { RegionName } from "../../watchdog/config/address.ts";
import type { ClusterProbe, IndexState, ShardCheckpoint } from "../../watchdog/core/state/cluster.ts";
import type { ComparedRegion, SampledDocument } from "../../watchdog/diagnostics/verify/ports.ts";
import type { IndexDefinition } from "../../watchdog/salvage/definition.ts";
import { contentHash, type SalvagedOperation } from "../../watchdog/salvage/operation.ts";
import type {
  ActivePrimary,
  ConditionalWrite,
  DocumentCopy,
  DocumentReference,
  IndexIdentity,
  IndexSize,
  OldPrimary,
  OperationPage,
  OperationRange,
  WriteCondition,
  WriteResult,
} from "../../watchdog/salvage/ports.ts";
import { goodProbe } from "./core-fixtures.ts";

export const BYTES_PER_DOCUMENT = 100;
/** After every failover of the tests. */
const CREATED_LATER_MS = 100_000;

/** Room without end. */
export const endlessRoom = { reserveBytes: 0, freeBytes: async () => Number.MAX_SAFE_INTEGER };

/**
 * A region in memory with the properties that salvage relies on: every write of a shard gets the next sequence number
 * and, per document, the next version, also across deletes; a follower copies sequence numbers and versions, and writes
 * under its own term.
 */
export class ModelRegion implements OldPrimary, ActivePrimary, ComparedRegion {
  readonly region: RegionName;
  readonly clusterUuid: string;
  readonly #shards = new Map<string, ModelShard[]>();
  readonly #states = new Map<string, IndexState>();
  readonly #createdAtMs = new Map<string, number>();
  /** Called before each bulk request is answered, and before it takes effect. */
  beforeWrite: () => void = () => {};
  /** Called after a bulk request has taken effect, before it is answered. */
  afterWrite: () => void = () => {};
  /** What `createIndex` was asked for. */
  readonly created = new Map<string, IndexDefinition>();
  /** Called before an index is created. */
  beforeCreate: (name: string, definition: IndexDefinition) => void = () => {};
  /** Called before each page of operations. */
  beforeRead: (range: OperationRange) => void = () => {};

  constructor(region: RegionName) {
    this.region = region;
    this.clusterUuid = `cluster-${region}`;
  }

  create(name: string, shards = 1, options: { createdAtMs?: number; term?: number } = {}): void {
    const { createdAtMs = 0, term = 1 } = options;
    this.#shards.set(
      name,
      Array.from({ length: shards }, () => new ModelShard(term)),
    );
    this.#createdAtMs.set(name, createdAtMs);
    this.#states.set(name, {
      name,
      uuid: `${this.region}-${name}-${createdAtMs}`,
      createdAtMs,
      open: true,
      primaries: shards,
      primariesActive: shards,
      aliases: [],
      dataStream: null,
      writeBlocked: false,
      following: false,
      firstCopy: null,
      noCopy: false,
      indexingComplete: false,
      searchableSnapshot: false,
    });
  }

  /** Copies an index of another region, like a follower with all operations up to a checkpoint. */
  follow(leader: ModelRegion, name: string, checkpoints: readonly number[]): void {
    this.create(name, checkpoints.length, { term: 7 });
    for (const [shard, checkpoint] of checkpoints.entries()) {
      this.shard(name, shard).replay(leader.shard(name, shard).log.filter(({ seqNo }) => seqNo <= checkpoint));
    }
  }

  set(name: string, change: Partial<IndexState>): void {
    const state = this.#states.get(name);
    if (state === undefined) throw new Error(`the model has no index ${name}`);
    this.#states.set(name, { ...state, ...change });
  }

  shard(name: string, shard: number): ModelShard {
    const found = this.#shards.get(name)?.[shard];
    if (found === undefined) throw new Error(`the model has no shard ${shard} of ${name}`);
    return found;
  }

  /** All contents, for comparing states. */
  content(): unknown {
    return [...this.#shards].map(([name, shards]) => [name, shards.map(({ documents }) => [...documents].sort())]);
  }

  async probe(): Promise<ClusterProbe> {
    return { ...goodProbe, clusterUuid: this.clusterUuid };
  }

  async indices(): Promise<readonly IndexState[]> {
    return [...this.#states.values()];
  }

  async checkpoints(indices: readonly string[]): Promise<readonly ShardCheckpoint[]> {
    return indices.flatMap((index) =>
      (this.#shards.get(index) ?? []).map(({ maxSeqNo }, shard) => {
        return { index, shard, globalCheckpoint: maxSeqNo, maxSeqNo };
      }),
    );
  }

  async refresh(): Promise<void> {}

  async sizes(indices: readonly string[]): Promise<ReadonlyMap<string, IndexSize>> {
    return new Map(
      indices.map((index) => {
        const documents = (this.#shards.get(index) ?? []).flatMap((shard) => [...shard.documents.values()]);
        return [index, { bytes: documents.length * BYTES_PER_DOCUMENT, documents: documents.length }];
      }),
    );
  }

  async definitionsOf(indices: readonly string[]): Promise<ReadonlyMap<string, IndexDefinition>> {
    return new Map(
      indices.flatMap((name) => {
        const state = this.#states.get(name);
        if (state === undefined) return [];
        const own = { number_of_shards: String(state.primaries), uuid: state.uuid, blocks: { write: "true" } };
        const aliases = Object.fromEntries(
          state.aliases.map(({ alias, isWriteIndex }) => [alias, { is_write_index: isWriteIndex }]),
        );
        return [[name, { settings: { index: own }, mappings: { properties: {} }, aliases }]];
      }),
    );
  }

  async createIndex(name: string, definition: IndexDefinition): Promise<void> {
    this.beforeCreate(name, definition);
    this.created.set(name, definition);
    this.create(name, 1, { createdAtMs: CREATED_LATER_MS });
  }

  async readOperations(range: OperationRange): Promise<OperationPage> {
    const { index, shard, afterSeqNo, limit } = range;
    this.beforeRead(range);
    const operations = [...this.shard(index, shard).documents.values()]
      .filter(({ seqNo }) => seqNo > afterSeqNo)
      .sort((a, b) => a.seqNo - b.seqNo)
      .slice(0, limit)
      .map((document): SalvagedOperation => ({ index, shard, ...document }));
    return { operations, bytes: operations.length * BYTES_PER_DOCUMENT };
  }

  async documents(references: readonly DocumentReference[]): Promise<readonly (DocumentCopy | null)[]> {
    return references.map(({ index, id }) => {
      const document = this.#find(index, id);
      return document === undefined ? null : copyOf(document);
    });
  }

  async identify(indices: readonly string[]): Promise<ReadonlyMap<string, IndexIdentity>> {
    return new Map(
      [...this.#states.values()]
        .filter(({ name }) => indices.includes(name))
        .map(({ name, uuid }) => [name, { uuid, createdAtMs: this.#createdAtMs.get(name) ?? 0 }]),
    );
  }

  async write(writes: readonly ConditionalWrite[]): Promise<readonly WriteResult[]> {
    this.beforeWrite();
    const results = writes.map(({ index, id, routing, source, condition }): WriteResult => {
      const shards = this.#shards.get(index);
      if (shards === undefined) return { kind: "failed", reason: "index_not_found_exception" };
      const current = this.#find(index, id);
      if (!holds(condition, current)) return { kind: "conflict" };
      const shard = shards.find(({ documents }) => documents.has(id)) ?? shards[0];
      shard?.index(id, source, routing, condition.kind === "version" ? condition.version : null);
      return { kind: "written" };
    });
    this.afterWrite();
    return results;
  }

  async documentsAt(index: string, shard: number, seqNos: readonly number[]): Promise<readonly SampledDocument[]> {
    return [...this.shard(index, shard).documents.values()]
      .filter(({ seqNo }) => seqNos.includes(seqNo))
      .map((document) => ({ index, id: document.id, routing: document.routing, copy: copyOf(document) }));
  }

  async count(indices: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return new Map(
      indices.map((index) => [
        index,
        (this.#shards.get(index) ?? []).reduce((sum, { documents }) => sum + documents.size, 0),
      ]),
    );
  }

  #find(index: string, id: string): ModelDocument | undefined {
    return this.#shards.get(index)?.flatMap(({ documents }) => documents.get(id) ?? [])[0];
  }
}

function holds(condition: WriteCondition, current: ModelDocument | undefined): boolean {
  switch (condition.kind) {
    case "absent":
    case "appended":
      return current === undefined;
    case "unchanged":
      return current?.seqNo === condition.seqNo && current.primaryTerm === condition.primaryTerm;
    case "version":
      if (current === undefined) return true;
      return condition.orEqual ? current.version <= condition.version : current.version < condition.version;
    default:
      return condition satisfies never;
  }
}

type ModelDocument = Omit<SalvagedOperation, "index" | "shard">;
type ModelOperation = ModelDocument & { readonly deleted: boolean };

export class ModelShard {
  readonly documents = new Map<string, ModelDocument>();
  readonly log: ModelOperation[] = [];
  readonly #versions = new Map<string, bigint>();
  readonly #term: number;

  constructor(term: number) {
    this.#term = term;
  }

  get maxSeqNo(): number {
    return this.log.length - 1;
  }

  /** `version`: the one that the application sets (external versioning). */
  index(id: string, source: unknown, routing: string | null = null, version: bigint | null = null): void {
    const next = this.#next(id);
    this.#apply({ ...next, version: version ?? next.version, routing, source, deleted: false });
  }

  delete(id: string): void {
    this.#apply({ ...this.#next(id), routing: null, source: null, deleted: true });
  }

  replay(operations: readonly ModelOperation[]): void {
    for (const operation of operations) this.#apply({ ...operation, primaryTerm: this.#term });
  }

  #next(id: string) {
    const version = (this.#versions.get(id) ?? 0n) + 1n;
    return { id, seqNo: this.maxSeqNo + 1, primaryTerm: this.#term, version };
  }

  #apply(operation: ModelOperation): void {
    const { deleted, ...document } = operation;
    this.log.push(operation);
    this.#versions.set(operation.id, operation.version);
    if (deleted) this.documents.delete(operation.id);
    else this.documents.set(operation.id, document);
  }
}

function copyOf({ seqNo, primaryTerm, version, routing, source }: ModelDocument): DocumentCopy {
  return { seqNo, primaryTerm, version, contentHash: contentHash({ routing, source }) };
}
