package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.action.ActionResponse;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.RemoteClusterActionType;
import org.elasticsearch.action.admin.cluster.state.ClusterStateAction;
import org.elasticsearch.action.admin.cluster.state.ClusterStateResponse;
import org.elasticsearch.action.admin.cluster.state.RemoteClusterStateRequest;
import org.elasticsearch.action.admin.indices.stats.IndicesStatsAction;
import org.elasticsearch.action.admin.indices.stats.IndicesStatsRequest;
import org.elasticsearch.action.admin.indices.stats.ShardStats;
import org.elasticsearch.action.support.ContextPreservingActionListener;
import org.elasticsearch.action.support.IndicesOptions;
import org.elasticsearch.action.support.RefCountingListener;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.IndexAbstraction;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.routing.ShardRouting;
import org.elasticsearch.common.util.concurrent.ThreadContext;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.index.IndexNotFoundException;
import org.elasticsearch.index.seqno.SeqNoStats;
import org.elasticsearch.index.shard.ShardId;
import org.elasticsearch.index.shard.ShardNotFoundException;
import org.elasticsearch.indices.IndexClosedException;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.RemoteClusterService.DisconnectedStrategy;
import org.elasticsearch.transport.TransportResponse;
import org.elasticsearch.xpack.core.ClientHelper;

import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * Calls to the leader's cluster and to this one. Each names on whose behalf: the user of the request at hand, the user who once asked for
 * the following (by the security headers kept from then), or Elasticsearch itself.
 */
final class CcrClient {
    static final TimeValue MASTER_TIMEOUT = TimeValue.timeValueSeconds(30);
    /** An origin that runs as the internal X-Pack user; x-pack-security knows none for CCR. */
    private static final String ORIGIN = "persistent_tasks";

    private final Client client;
    private final ThreadPool threadPool;

    CcrClient(Client client, ThreadPool threadPool) {
        this.client = client;
        this.threadPool = threadPool;
    }

    ThreadPool threadPool() {
        return threadPool;
    }

    /** A call to another cluster as the user of the request at hand. */
    <Request extends ActionRequest, Response extends TransportResponse> void remote(
        String cluster,
        RemoteClusterActionType<Response> action,
        Request request,
        ActionListener<Response> listener
    ) {
        try {
            client.getRemoteClusterClient(cluster, threadPool.generic(), DisconnectedStrategy.RECONNECT_IF_DISCONNECTED)
                .execute(action, request, listener);
        } catch (Exception e) {
            listener.onFailure(e);
        }
    }

    /** A call to another cluster as the user with these headers. */
    <Request extends ActionRequest, Response extends TransportResponse> void remoteAs(
        Map<String, String> headers,
        String cluster,
        RemoteClusterActionType<Response> action,
        Request request,
        ActionListener<Response> listener
    ) {
        ClientHelper.executeWithHeadersAsync(
            threadPool.getThreadContext(),
            headers,
            ORIGIN,
            request,
            listener,
            (sent, answered) -> remote(cluster, action, sent, answered)
        );
    }

    /** A call to another cluster as Elasticsearch itself, for what is the replication's own business. */
    <Request extends ActionRequest, Response extends TransportResponse> void remoteAsSystem(
        String cluster,
        RemoteClusterActionType<Response> action,
        Request request,
        ActionListener<Response> listener
    ) {
        ThreadContext context = threadPool.getThreadContext();
        ActionListener<Response> inOldContext = new ContextPreservingActionListener<>(context.newRestorableContext(false), listener);
        try (ThreadContext.StoredContext ignored = context.stashContext()) {
            context.markAsSystemContext();
            remote(cluster, action, request, inOldContext);
        }
    }

    /** A call to this cluster as the user with these headers. */
    <Request extends ActionRequest, Response extends ActionResponse> void localAs(
        Map<String, String> headers,
        ActionType<Response> action,
        Request request,
        ActionListener<Response> listener
    ) {
        ClientHelper.executeWithHeadersAsync(
            threadPool.getThreadContext(),
            headers,
            ORIGIN,
            request,
            listener,
            (sent, answered) -> client.execute(action, sent, answered)
        );
    }

    /** A call to this cluster as Elasticsearch itself. */
    <Request extends ActionRequest, Response extends ActionResponse> void localAsSystem(
        ActionType<Response> action,
        Request request,
        ActionListener<Response> listener
    ) {
        ClientHelper.executeAsyncWithOrigin(client, ORIGIN, action, request, listener);
    }

    /** How far the primary of a shard of this cluster is; a failure that passes while there is none. */
    void ownPosition(ShardId shard, ActionListener<SeqNoStats> listener) {
        IndicesStatsRequest request = new IndicesStatsRequest().indices(shard.getIndexName()).clear();
        localAsSystem(IndicesStatsAction.INSTANCE, request, listener.map(response -> {
            for (ShardStats stats : response.getShards()) {
                ShardRouting routing = stats.getShardRouting();
                if (routing.shardId().equals(shard) && routing.primary() && stats.getSeqNoStats() != null) {
                    return stats.getSeqNoStats();
                }
            }
            throw new ShardNotFoundException(shard);
        }));
    }

    /** Metadata of an open leader index, as the user of the request at hand. */
    void leaderIndex(String cluster, String index, ActionListener<IndexMetadata> listener) {
        ActionListener<IndexMetadata> told = LeaderUnreachable.told("index [" + cluster + ":" + index + "] metadata", cluster, listener);
        remote(cluster, ClusterStateAction.REMOTE_TYPE, leaderIndexRequest(index), told.map(response -> openIndex(response, index)));
    }

    /** The same, with the data stream that the index backs. */
    void leaderWithStream(String cluster, String index, ActionListener<FollowedStream> listener) {
        ActionListener<FollowedStream> told = LeaderUnreachable.told("index [" + cluster + ":" + index + "] metadata", cluster, listener);
        remote(cluster, ClusterStateAction.REMOTE_TYPE, leaderIndexRequest(index), told.map(response -> withStream(response, index)));
    }

    private static FollowedStream withStream(ClusterStateResponse response, String index) {
        IndexAbstraction found = FollowerIndex.project(response.getState()).getIndicesLookup().get(index);
        String refusal = "cannot follow [" + index + "], because it is a ";
        if (found != null && found.getType() != IndexAbstraction.Type.CONCRETE_INDEX) {
            throw new IllegalArgumentException(refusal + found.getType());
        }
        IndexMetadata metadata = openIndex(response, index);
        DataStream stream = found == null ? null : found.getParentDataStream();
        if (stream != null && stream.isFailureStoreIndex(index)) {
            throw new IllegalArgumentException(refusal + "failure store index");
        }
        return new FollowedStream(metadata, stream);
    }

    /** Metadata of an open leader index, as Elasticsearch itself. */
    void leaderIndexAsSystem(String cluster, String index, ActionListener<IndexMetadata> listener) {
        ActionListener<ClusterStateResponse> found = listener.map(response -> openIndex(response, index));
        remoteAsSystem(cluster, ClusterStateAction.REMOTE_TYPE, leaderIndexRequest(index), found);
    }

    /** Metadata of an open leader index, as the user with these headers. */
    void leaderIndexAs(Map<String, String> headers, String cluster, String index, ActionListener<IndexMetadata> listener) {
        remoteAs(
            headers,
            cluster,
            ClusterStateAction.REMOTE_TYPE,
            leaderIndexRequest(index),
            listener.map(response -> openIndex(response, index))
        );
    }

    private static RemoteClusterStateRequest leaderIndexRequest(String index) {
        RemoteClusterStateRequest request = new RemoteClusterStateRequest(MASTER_TIMEOUT);
        request.clear().metadata(true).indices(index).indicesOptions(IndicesOptions.lenientExpandOpen());
        return request;
    }

    private static IndexMetadata openIndex(ClusterStateResponse response, String index) {
        IndexMetadata metadata = FollowerIndex.project(response.getState()).index(index);
        if (metadata == null) {
            throw new IndexNotFoundException(index);
        }
        if (metadata.getState() == IndexMetadata.State.CLOSE) {
            throw new IndexClosedException(metadata.getIndex());
        }
        return metadata;
    }

    /** Metadata and routing of all indices of the leader's cluster, as the user of the request at hand. */
    void leaderState(String cluster, ActionListener<ClusterState> listener) {
        ActionListener<ClusterState> told = LeaderUnreachable.told("cluster state", cluster, listener);
        remote(cluster, ClusterStateAction.REMOTE_TYPE, allIndicesRequest(), told.map(ClusterStateResponse::getState));
    }

    /** Metadata of all indices of the leader's cluster, as Elasticsearch itself. */
    void leaderNamesAsSystem(String cluster, ActionListener<ClusterState> listener) {
        RemoteClusterStateRequest request = new RemoteClusterStateRequest(MASTER_TIMEOUT);
        request.clear().metadata(true).customs(false);
        remoteAsSystem(cluster, ClusterStateAction.REMOTE_TYPE, request, listener.map(ClusterStateResponse::getState));
    }

    /** UUIDs of the histories of a leader's shards, by shard number, as Elasticsearch itself. */
    void leaderHistories(String cluster, IndexMetadata leader, ActionListener<List<String>> listener) {
        forEachShard(leader, listener, (probe, answered) -> remoteAsSystem(cluster, ShardChangesAction.REMOTE_TYPE, probe, answered));
    }

    /** Fails where the user with these headers may not read the leader. */
    void checkLeaderIsReadable(Map<String, String> headers, String cluster, IndexMetadata leader, ActionListener<Void> listener) {
        forEachShard(
            leader,
            listener.map(histories -> null),
            (probe, answered) -> remoteAs(headers, cluster, ShardChangesAction.REMOTE_TYPE, probe, answered)
        );
    }

    private static void forEachShard(
        IndexMetadata leader,
        ActionListener<List<String>> listener,
        BiConsumer<ShardChangesAction.Request, ActionListener<ShardChangesAction.Response>> probe
    ) {
        String[] histories = new String[leader.getNumberOfShards()];
        try (RefCountingListener all = new RefCountingListener(listener.map(done -> List.of(histories)))) {
            for (int i = 0; i < histories.length; i++) {
                int shard = i;
                ActionListener<ShardChangesAction.Response> probed = all.acquire(response -> histories[shard] = response.historyUuid);
                probe.accept(ShardChangesAction.Request.probe(new ShardId(leader.getIndex(), shard)), probed);
            }
        }
    }

    /**
     * As {@link #leaderState}, as the user with these headers, once the metadata is newer than a version. The state is null when it is
     * not after the time to wait.
     */
    void leaderStateAfter(
        Map<String, String> headers,
        String cluster,
        long metadataVersion,
        TimeValue wait,
        ActionListener<ClusterState> listener
    ) {
        RemoteClusterStateRequest request = allIndicesRequest();
        // Versions begin with 1, and no wait is shorter than for what is there.
        request.waitForMetadataVersion(Math.max(1, metadataVersion + 1));
        request.waitForTimeout(wait);
        remoteAs(
            headers,
            cluster,
            ClusterStateAction.REMOTE_TYPE,
            request,
            LeaderUnreachable.told("cluster state", cluster, listener)
                .map(response -> response.isWaitForTimedOut() ? null : response.getState())
        );
    }

    private static RemoteClusterStateRequest allIndicesRequest() {
        RemoteClusterStateRequest request = new RemoteClusterStateRequest(MASTER_TIMEOUT);
        request.clear().metadata(true).routingTable(true).customs(false);
        return request;
    }

    /** Runs it on a thread that may block, after a while; not at all when the node is shutting down. */
    void later(TimeValue delay, Runnable work) {
        threadPool.scheduleUnlessShuttingDown(delay, threadPool.generic(), work);
    }
}
