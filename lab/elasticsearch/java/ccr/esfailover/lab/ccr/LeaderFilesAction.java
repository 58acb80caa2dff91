package esfailover.lab.ccr;

import org.elasticsearch.action.ActionResponse;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.RemoteClusterActionType;
import org.elasticsearch.cluster.ProjectState;
import org.elasticsearch.cluster.node.DiscoveryNode;
import org.elasticsearch.cluster.routing.ShardsIterator;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.common.io.stream.StreamInput;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.index.shard.ShardId;
import org.elasticsearch.index.store.Store;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.RemoteClusterAwareRequest;

import java.io.IOException;

/** Leader side: the files of a shard's last commit, as {@link CopySources} holds it, from the node of the shard's primary. */
final class LeaderFilesAction {
    /** x-pack-security lets Elasticsearch itself call it on another cluster, and calls it by the other name where API keys connect. */
    private static final String NAME = "internal:admin/ccr/restore/file_chunk/get";
    private static final String NAME_WITH_API_KEY = "indices:internal/admin/ccr/restore/file_chunk/get";
    static final ActionType<Response> TYPE = new ActionType<>(NAME);
    static final ActionType<Response> TYPE_WITH_API_KEY = new ActionType<>(NAME_WITH_API_KEY);
    static final RemoteClusterActionType<Response> REMOTE_TYPE = new RemoteClusterActionType<>(NAME, Response::new);

    private LeaderFilesAction() {}

    private enum Step {
        OPEN,
        READ,
        CLOSE
    }

    static class Request extends LeaderShardAction.ShardRequest<Request> {
        private final Step step;
        /** Name of the copy, made up by the follower. */
        private final String copy;
        private final String file;
        private final long offset;
        private final int length;

        private Request(Step step, ShardId shardId, String copy, String file, long offset, int length) {
            super(shardId);
            this.step = step;
            this.copy = copy;
            this.file = file;
            this.offset = offset;
            this.length = length;
        }

        static Request open(ShardId shardId, String copy) {
            return new Request(Step.OPEN, shardId, copy, "", 0, 0);
        }

        static Request read(ShardId shardId, DiscoveryNode holder, String copy, String file, long offset, int length) {
            return new RequestToHolder(holder, Step.READ, shardId, copy, file, offset, length);
        }

        static Request close(ShardId shardId, DiscoveryNode holder, String copy) {
            return new RequestToHolder(holder, Step.CLOSE, shardId, copy, "", 0, 0);
        }

        Request(StreamInput in) throws IOException {
            super(in);
            step = in.readEnum(Step.class);
            copy = in.readString();
            file = in.readString();
            offset = in.readVLong();
            length = in.readVInt();
        }

        @Override
        public void writeTo(StreamOutput out) throws IOException {
            super.writeTo(out);
            out.writeEnum(step);
            out.writeString(copy);
            out.writeString(file);
            out.writeVLong(offset);
            out.writeVInt(length);
        }
    }

    /** A request to the node that holds the commit: another one would only pass it on, and its answer. */
    private static final class RequestToHolder extends Request implements RemoteClusterAwareRequest {
        private final DiscoveryNode holder;

        private RequestToHolder(DiscoveryNode holder, Step step, ShardId shardId, String copy, String file, long offset, int length) {
            super(step, shardId, copy, file, offset, length);
            this.holder = holder;
        }

        @Override
        public DiscoveryNode getPreferredTargetNode() {
            return holder;
        }
    }

    /** Files when a copy is opened, bytes when a file is read. */
    static final class Response extends ActionResponse {
        /** The node that answers: the commit is held there. */
        final DiscoveryNode holder;
        final Store.MetadataSnapshot files;
        final BytesReference bytes;

        private Response(DiscoveryNode holder, Store.MetadataSnapshot files, BytesReference bytes) {
            this.holder = holder;
            this.files = files;
            this.bytes = bytes;
        }

        Response(StreamInput in) throws IOException {
            holder = new DiscoveryNode(in);
            files = Store.MetadataSnapshot.readFrom(in);
            bytes = in.readBytesReference();
        }

        @Override
        public void writeTo(StreamOutput out) throws IOException {
            holder.writeTo(out);
            files.writeTo(out);
            out.writeBytesReference(bytes);
        }
    }

    private abstract static class AbstractTransportAction extends LeaderShardAction<Request, Response> {
        private final CopySources sources;

        private AbstractTransportAction(String name, Environment environment, CopySources sources) {
            super(name, environment, Request::new, Response::new);
            this.sources = sources;
            environment.passOn(name, Response::new);
        }

        @Override
        protected ShardsIterator shards(ProjectState state, InternalRequest request) {
            return state.routingTable().shardRoutingTable(request.request().shardId).primaryShardIt();
        }

        @Override
        protected Response shardOperation(Request request, ShardId shardId) throws IOException {
            return switch (request.step) {
                case OPEN -> response(sources.open(request.copy, shard(request)), BytesArray.EMPTY);
                case READ -> response(
                    Store.MetadataSnapshot.EMPTY,
                    sources.read(request.copy, request.file, request.offset, request.length)
                );
                case CLOSE -> {
                    sources.close(request.copy);
                    yield response(Store.MetadataSnapshot.EMPTY, BytesArray.EMPTY);
                }
            };
        }

        private Response response(Store.MetadataSnapshot files, BytesReference bytes) {
            return new Response(clusterService.localNode(), files, bytes);
        }
    }

    public static final class TransportAction extends AbstractTransportAction {
        @Inject
        public TransportAction(LeaderShardAction.Environment environment, CopySources sources) {
            super(NAME, environment, sources);
        }
    }

    public static final class TransportActionWithApiKey extends AbstractTransportAction {
        @Inject
        public TransportActionWithApiKey(LeaderShardAction.Environment environment, CopySources sources) {
            super(NAME_WITH_API_KEY, environment, sources);
        }
    }
}
