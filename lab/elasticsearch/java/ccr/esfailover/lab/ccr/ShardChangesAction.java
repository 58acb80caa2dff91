package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionResponse;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.RemoteClusterActionType;
import org.elasticsearch.cluster.ProjectState;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.routing.IndexShardRoutingTable;
import org.elasticsearch.cluster.routing.ShardsIterator;
import org.elasticsearch.common.io.stream.StreamInput;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.index.seqno.SequenceNumbers;
import org.elasticsearch.index.shard.GlobalCheckpointListeners.GlobalCheckpointListener;
import org.elasticsearch.index.shard.IndexShard;
import org.elasticsearch.index.shard.IndexShardNotStartedException;
import org.elasticsearch.index.shard.IndexShardState;
import org.elasticsearch.index.shard.ShardId;
import org.elasticsearch.index.translog.Translog;
import org.elasticsearch.injection.guice.Inject;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Leader side: the operations of one shard from a sequence number on, up to the global checkpoint, in order. Where there are none yet, it
 * waits for them.
 */
final class ShardChangesAction {
    /** The index privileges {@code read} and {@code cross_cluster_replication} cover this name. */
    static final String NAME = "indices:data/read/xpack/ccr/shard_changes";
    static final ActionType<Response> TYPE = new ActionType<>(NAME);
    static final RemoteClusterActionType<Response> REMOTE_TYPE = new RemoteClusterActionType<>(NAME, Response::new);

    private ShardChangesAction() {}

    static final class Request extends LeaderShardAction.ShardRequest<Request> {
        private final long fromSeqNo;
        private final int maxOperationCount;
        private final long maxBytes;
        private final TimeValue pollTimeout;
        /** What the shard's history must be; null for any. */
        private final String expectedHistoryUuid;

        Request(
            ShardId shardId,
            long fromSeqNo,
            int maxOperationCount,
            long maxBytes,
            TimeValue pollTimeout,
            String expectedHistoryUuid
        ) {
            super(shardId);
            this.fromSeqNo = fromSeqNo;
            this.maxOperationCount = maxOperationCount;
            this.maxBytes = maxBytes;
            this.pollTimeout = pollTimeout;
            this.expectedHistoryUuid = expectedHistoryUuid;
        }

        /** Asks for no operations, only for the shard's history and checkpoints. */
        static Request probe(ShardId shardId) {
            return new Request(shardId, 0, 0, 0, TimeValue.ZERO, null);
        }

        Request(StreamInput in) throws IOException {
            super(in);
            fromSeqNo = in.readZLong();
            maxOperationCount = in.readVInt();
            maxBytes = in.readVLong();
            pollTimeout = in.readTimeValue();
            expectedHistoryUuid = in.readOptionalString();
        }

        @Override
        public void writeTo(StreamOutput out) throws IOException {
            super.writeTo(out);
            out.writeZLong(fromSeqNo);
            out.writeVInt(maxOperationCount);
            out.writeVLong(maxBytes);
            out.writeTimeValue(pollTimeout);
            out.writeOptionalString(expectedHistoryUuid);
        }

        @Override
        public List<ShardId> shards() {
            return List.of(shardId);
        }
    }

    /**
     * @param toSeqNo     how far the operations reach; one less than was asked for when there are none
     * @param sizeInBytes of the operations, estimated
     */
    record Batch(List<Translog.Operation> operations, long toSeqNo, long sizeInBytes) {
        Batch(StreamInput in) throws IOException {
            this(in.readCollectionAsList(Translog.Operation::readOperation), in.readZLong(), in.readVLong());
        }

        void writeTo(StreamOutput out) throws IOException {
            out.writeCollection(operations);
            out.writeZLong(toSeqNo);
            out.writeVLong(sizeInBytes);
        }
    }

    static final class Response extends ActionResponse {
        final String historyUuid;
        final long mappingVersion;
        final long settingsVersion;
        final long aliasesVersion;
        final long globalCheckpoint;
        final long maxSeqNo;
        final long maxSeqNoOfUpdatesOrDeletes;
        final Batch batch;
        final long tookMillis;

        private Response(IndexMetadata index, IndexShard shard, long globalCheckpoint, Batch batch, long tookMillis) {
            historyUuid = shard.getHistoryUUID();
            mappingVersion = index.getMappingVersion();
            settingsVersion = index.getSettingsVersion();
            aliasesVersion = index.getAliasesVersion();
            this.globalCheckpoint = globalCheckpoint;
            maxSeqNo = shard.seqNoStats().getMaxSeqNo();
            maxSeqNoOfUpdatesOrDeletes = shard.getMaxSeqNoOfUpdatesOrDeletes();
            this.batch = batch;
            this.tookMillis = tookMillis;
        }

        Response(StreamInput in) throws IOException {
            historyUuid = in.readString();
            mappingVersion = in.readVLong();
            settingsVersion = in.readVLong();
            aliasesVersion = in.readVLong();
            globalCheckpoint = in.readZLong();
            maxSeqNo = in.readZLong();
            maxSeqNoOfUpdatesOrDeletes = in.readZLong();
            batch = new Batch(in);
            tookMillis = in.readVLong();
        }

        @Override
        public void writeTo(StreamOutput out) throws IOException {
            out.writeString(historyUuid);
            out.writeVLong(mappingVersion);
            out.writeVLong(settingsVersion);
            out.writeVLong(aliasesVersion);
            out.writeZLong(globalCheckpoint);
            out.writeZLong(maxSeqNo);
            out.writeZLong(maxSeqNoOfUpdatesOrDeletes);
            batch.writeTo(out);
            out.writeVLong(tookMillis);
        }
    }

    public static final class TransportAction extends LeaderShardAction<Request, Response> {
        /** A read holds this much memory at once, however much it was asked for. */
        private static final long SNAPSHOT_BYTES = 4 << 20;

        @Inject
        public TransportAction(Environment environment) {
            super(NAME, environment, Request::new, Response::new);
        }

        /** The primary knows the global checkpoint first; any other active copy will do while there is no primary. */
        @Override
        protected ShardsIterator shards(ProjectState state, InternalRequest request) {
            IndexShardRoutingTable copies = state.routingTable().shardRoutingTable(request.request().shardId.getIndexName(), request.request().shardId.id());
            return copies.primaryShard().active() ? copies.primaryShardIt() : copies.activeInitializingShardsRandomIt();
        }

        @Override
        protected void asyncShardOperation(Request request, ShardId shardId, ActionListener<Response> listener) throws IOException {
            IndexShard shard = startedShard(request);
            if (request.pollTimeout.millis() <= 0 || request.fromSeqNo <= shard.getLastKnownGlobalCheckpoint()) {
                super.asyncShardOperation(request, shardId, listener);
                return;
            }
            shard.addGlobalCheckpointListener(request.fromSeqNo, new GlobalCheckpointListener() {
                @Override
                public Executor executor() {
                    return threadPool.generic();
                }

                @Override
                public void accept(long globalCheckpoint, Exception e) {
                    if (globalCheckpoint == SequenceNumbers.UNASSIGNED_SEQ_NO && e instanceof TimeoutException == false) {
                        listener.onFailure(e);
                    } else {
                        ActionListener.completeWith(listener, () -> shardOperation(request, shardId));
                    }
                }
            }, request.pollTimeout);
        }

        /** A copy that is still recovering may know of a global checkpoint whose operations it does not have again yet. */
        private IndexShard startedShard(Request request) {
            IndexShard shard = shard(request);
            if (shard.state() != IndexShardState.STARTED) {
                throw new IndexShardNotStartedException(shard.shardId(), shard.state());
            }
            return shard;
        }

        @Override
        protected Response shardOperation(Request request, ShardId shardId) throws IOException {
            long startNanos = System.nanoTime();
            IndexShard shard = startedShard(request);
            String historyUuid = shard.getHistoryUUID();
            if (request.expectedHistoryUuid != null && request.expectedHistoryUuid.equals(historyUuid) == false) {
                throw new IllegalStateException(
                    "unexpected history uuid, expected [" + request.expectedHistoryUuid + "], actual [" + historyUuid + "]"
                );
            }
            long globalCheckpoint = shard.getLastKnownGlobalCheckpoint();
            Batch batch = read(shard, request, globalCheckpoint);
            IndexMetadata index = FollowerIndex.project(clusterService.state()).getIndexSafe(request.shardId.getIndex());
            return new Response(index, shard, globalCheckpoint, batch, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos));
        }

        private static Batch read(IndexShard shard, Request request, long globalCheckpoint) throws IOException {
            long from = request.fromSeqNo;
            long to = Math.min(globalCheckpoint, from + request.maxOperationCount - 1);
            if (to < from) {
                return new Batch(List.of(), from - 1, 0);
            }
            long readAheadBytes = Math.min(request.maxBytes, SNAPSHOT_BYTES);
            List<Translog.Operation> operations = new ArrayList<>();
            long bytes = 0;
            try (var snapshot = shard.newChangesSnapshot("lab_ccr", from, to, true, true, false, readAheadBytes)) {
                Translog.Operation operation;
                while ((operation = snapshot.next()) != null) {
                    if (bytes > 0 && bytes + operation.estimateSize() > request.maxBytes) {
                        return new Batch(operations, operation.seqNo() - 1, bytes);
                    }
                    operations.add(operation);
                    bytes += operation.estimateSize();
                }
            }
            return new Batch(operations, to, bytes);
        }
    }
}
