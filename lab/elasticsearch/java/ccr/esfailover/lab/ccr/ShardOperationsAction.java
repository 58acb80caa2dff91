package esfailover.lab.ccr;

import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.elasticsearch.ElasticsearchException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.WriteResponse;
import org.elasticsearch.action.support.replication.ReplicatedWriteRequest;
import org.elasticsearch.action.support.replication.ReplicationResponse;
import org.elasticsearch.action.support.replication.TransportWriteAction;
import org.elasticsearch.cluster.action.shard.ShardStateAction;
import org.elasticsearch.cluster.project.ProjectResolver;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.io.stream.StreamInput;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.IndexingPressure;
import org.elasticsearch.index.engine.Engine;
import org.elasticsearch.index.seqno.SeqNoStats;
import org.elasticsearch.index.shard.IndexShard;
import org.elasticsearch.index.shard.ShardId;
import org.elasticsearch.index.translog.Translog;
import org.elasticsearch.indices.ExecutorSelector;
import org.elasticsearch.indices.IndicesService;
import org.elasticsearch.indices.SystemIndices;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.TransportService;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Follower side: applies operations of the leader, with their sequence numbers and versions, to the primary of a follower shard and
 * through it to the replicas.
 */
final class ShardOperationsAction {
    /** The index privilege {@code write} covers this name, as it covers that of the real module. */
    private static final String NAME = "indices:data/write/bulk_shard_operations";
    static final ActionType<Response> TYPE = new ActionType<>(NAME);
    private static final Logger logger = LogManager.getLogger(ShardOperationsAction.class);

    private ShardOperationsAction() {}

    static final class Request extends ReplicatedWriteRequest<Request> {
        private final List<Translog.Operation> operations;
        private final long maxSeqNoOfUpdatesOrDeletes;

        Request(ShardId shardId, List<Translog.Operation> operations, long maxSeqNoOfUpdatesOrDeletes) {
            super(shardId);
            this.operations = operations;
            this.maxSeqNoOfUpdatesOrDeletes = maxSeqNoOfUpdatesOrDeletes;
        }

        Request(StreamInput in) throws IOException {
            super(in);
            operations = in.readCollectionAsList(Translog.Operation::readOperation);
            maxSeqNoOfUpdatesOrDeletes = in.readZLong();
        }

        @Override
        public void writeTo(StreamOutput out) throws IOException {
            super.writeTo(out);
            out.writeCollection(operations);
            out.writeZLong(maxSeqNoOfUpdatesOrDeletes);
        }

        @Override
        public String toString() {
            return operations.size() + " operations for " + shardId();
        }
    }

    static final class Response extends ReplicationResponse implements WriteResponse {
        private long globalCheckpoint;
        private long localCheckpoint;
        private long maxSeqNo;

        private Response() {}

        private Response(StreamInput in) throws IOException {
            super(in);
            globalCheckpoint = in.readZLong();
            localCheckpoint = in.readZLong();
            maxSeqNo = in.readZLong();
        }

        @Override
        public void writeTo(StreamOutput out) throws IOException {
            super.writeTo(out);
            out.writeZLong(globalCheckpoint);
            out.writeZLong(localCheckpoint);
            out.writeZLong(maxSeqNo);
        }

        long globalCheckpoint() {
            return globalCheckpoint;
        }

        long localCheckpoint() {
            return localCheckpoint;
        }

        long maxSeqNo() {
            return maxSeqNo;
        }

        @Override
        public void setForcedRefresh(boolean forcedRefresh) {}
    }

    /** The follower's mapping is behind: the leader's is fetched again and the write repeated. */
    static final class MappingBehindException extends ElasticsearchException {
        private static final String MESSAGE = "lab_ccr: mapping of the follower is behind";

        private MappingBehindException(ShardId shardId, long seqNo) {
            super(MESSAGE + ", " + shardId + " seq_no " + seqNo);
        }

        /** Over the wire the class is lost, the message is not. */
        static boolean isCauseOf(Throwable failure) {
            for (Throwable t = failure; t != null; t = t.getCause()) {
                if (t.getMessage() != null && t.getMessage().contains(MESSAGE)) {
                    return true;
                }
            }
            return false;
        }
    }

    public static final class TransportAction extends TransportWriteAction<Request, Request, Response> {
        @Inject
        public TransportAction(
            Settings settings,
            TransportService transportService,
            ClusterService clusterService,
            IndicesService indicesService,
            ThreadPool threadPool,
            ShardStateAction shardStateAction,
            ActionFilters actionFilters,
            IndexingPressure indexingPressure,
            SystemIndices systemIndices,
            ProjectResolver projectResolver
        ) {
            super(
                settings,
                NAME,
                transportService,
                clusterService,
                indicesService,
                threadPool,
                shardStateAction,
                actionFilters,
                Request::new,
                Request::new,
                ExecutorSelector.getWriteExecutorForShard(threadPool),
                PrimaryActionExecution.RejectOnOverload,
                indexingPressure,
                systemIndices,
                projectResolver,
                ReplicaActionExecution.SubjectToCircuitBreaker
            );
        }

        @Override
        protected Response newResponseInstance(StreamInput in) throws IOException {
            return new Response(in);
        }

        @Override
        protected void shardOperationOnPrimary(Request request, IndexShard primary, ActionListener<PrimaryResult<Request, Response>> listener) {
            ActionListener.completeWith(listener, () -> {
                if (request.maxSeqNoOfUpdatesOrDeletes > primary.getMaxSeqNoOfUpdatesOrDeletes()) {
                    primary.advanceMaxSeqNoOfUpdatesOrDeletes(request.maxSeqNoOfUpdatesOrDeletes);
                }
                List<Translog.Operation> applied = new ArrayList<>(request.operations.size());
                Translog.Location location = null;
                for (Translog.Operation operation : request.operations) {
                    Translog.Operation own = withPrimaryTerm(operation, primary.getOperationPrimaryTerm());
                    applied.add(own);
                    location = apply(primary, own, Engine.Operation.Origin.PRIMARY, location);
                }
                Request forReplicas = new Request(request.shardId(), applied, request.maxSeqNoOfUpdatesOrDeletes);
                return new WritePrimaryResult<>(forReplicas, new Response(), location, primary, logger, postWriteRefresh);
            });
        }

        @Override
        protected void shardOperationOnReplica(Request request, IndexShard replica, ActionListener<ReplicaResult> listener) {
            ActionListener.completeWith(listener, () -> {
                Translog.Location location = null;
                for (Translog.Operation operation : request.operations) {
                    location = apply(replica, operation, Engine.Operation.Origin.REPLICA, location);
                }
                return new WriteReplicaResult<>(request, location, null, replica, logger);
            });
        }

        /** Runs after the replicas have answered, so that the global checkpoint counts them. */
        @Override
        protected void adaptResponse(Response response, IndexShard primary) {
            SeqNoStats stats = primary.seqNoStats();
            response.globalCheckpoint = stats.getGlobalCheckpoint();
            response.localCheckpoint = stats.getLocalCheckpoint();
            response.maxSeqNo = stats.getMaxSeqNo();
        }

        private static Translog.Location apply(
            IndexShard shard,
            Translog.Operation operation,
            Engine.Operation.Origin origin,
            Translog.Location location
        ) throws Exception {
            Engine.Result result = shard.applyTranslogOperation(operation, origin);
            if (result.getResultType() == Engine.Result.Type.MAPPING_UPDATE_REQUIRED) {
                throw new MappingBehindException(shard.shardId(), operation.seqNo());
            }
            return syncOperationResultOrThrow(result, location);
        }

        /** Within its own cluster a follower shard has its own primary terms. */
        private static Translog.Operation withPrimaryTerm(Translog.Operation operation, long term) {
            return switch (operation) {
                case Translog.Index index -> new Translog.Index(
                    index.uid(),
                    index.seqNo(),
                    term,
                    index.version(),
                    index.source(),
                    index.routing(),
                    index.getAutoGeneratedIdTimestamp()
                );
                case Translog.Delete delete -> new Translog.Delete(delete.uid(), delete.seqNo(), term, delete.version());
                case Translog.NoOp noOp -> new Translog.NoOp(noOp.seqNo(), term, noOp.reason());
                default -> throw new IllegalStateException("unknown operation " + operation.opType());
            };
        }
    }
}
