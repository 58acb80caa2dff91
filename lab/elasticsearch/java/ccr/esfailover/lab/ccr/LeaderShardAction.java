package esfailover.lab.ccr;

import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.action.ActionResponse;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.single.shard.SingleShardRequest;
import org.elasticsearch.action.support.single.shard.TransportSingleShardAction;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.project.ProjectResolver;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.io.stream.StreamInput;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.common.io.stream.Writeable;
import org.elasticsearch.index.shard.IndexShard;
import org.elasticsearch.index.shard.ShardId;
import org.elasticsearch.indices.IndicesService;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.TransportActionProxy;
import org.elasticsearch.transport.TransportResponse;
import org.elasticsearch.transport.TransportService;

import java.io.IOException;

/** Leader side: what is asked of one shard. */
abstract class LeaderShardAction<Request extends LeaderShardAction.ShardRequest<Request>, Response extends ActionResponse> extends
    TransportSingleShardAction<Request, Response> {

    /** A request about a shard, that is its UUID, too. */
    abstract static class ShardRequest<Request extends ShardRequest<Request>> extends SingleShardRequest<Request> {
        final ShardId shardId;

        ShardRequest(ShardId shardId) {
            super(shardId.getIndexName());
            this.shardId = shardId;
        }

        ShardRequest(StreamInput in) throws IOException {
            super(in);
            shardId = new ShardId(in);
        }

        @Override
        public void writeTo(StreamOutput out) throws IOException {
            super.writeTo(out);
            shardId.writeTo(out);
        }

        @Override
        public ActionRequestValidationException validate() {
            return null;
        }
    }

    /** What the actions of a node share; Elasticsearch's injector hands it to each. */
    public static final class Environment {
        private final ThreadPool threadPool;
        private final ClusterService clusterService;
        private final TransportService transportService;
        private final ActionFilters actionFilters;
        private final ProjectResolver projectResolver;
        private final IndexNameExpressionResolver resolver;
        private final IndicesService indicesService;
        private final NamedWriteableRegistry namedWriteables;

        @Inject
        public Environment(
            ThreadPool threadPool,
            ClusterService clusterService,
            TransportService transportService,
            ActionFilters actionFilters,
            ProjectResolver projectResolver,
            IndexNameExpressionResolver resolver,
            IndicesService indicesService,
            NamedWriteableRegistry namedWriteables
        ) {
            this.threadPool = threadPool;
            this.clusterService = clusterService;
            this.transportService = transportService;
            this.actionFilters = actionFilters;
            this.projectResolver = projectResolver;
            this.resolver = resolver;
            this.indicesService = indicesService;
            this.namedWriteables = namedWriteables;
        }

        /** Passes requests on from other clusters' nodes that have no connection to the node that they ask. */
        void passOn(String action, Writeable.Reader<? extends TransportResponse> response) {
            TransportActionProxy.registerProxyAction(transportService, action, false, response, namedWriteables);
        }
    }

    private final IndicesService indicesService;
    private final Writeable.Reader<Response> response;

    protected LeaderShardAction(
        String name,
        Environment environment,
        Writeable.Reader<Request> request,
        Writeable.Reader<Response> response
    ) {
        super(
            name,
            environment.threadPool,
            environment.clusterService,
            environment.transportService,
            environment.actionFilters,
            environment.projectResolver,
            environment.resolver,
            request,
            environment.threadPool.generic()
        );
        this.indicesService = environment.indicesService;
        this.response = response;
    }

    protected final IndexShard shard(Request request) {
        return indicesService.indexServiceSafe(request.shardId.getIndex()).getShard(request.shardId.id());
    }

    /** Of a closed index the block tells then, as with the real module. */
    @Override
    protected final boolean resolveIndex(Request request) {
        return false;
    }

    @Override
    protected final Writeable.Reader<Response> getResponseReader() {
        return response;
    }
}
