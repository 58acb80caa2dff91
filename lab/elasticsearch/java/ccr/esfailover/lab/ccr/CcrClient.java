package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.action.ActionResponse;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.RemoteClusterActionType;
import org.elasticsearch.action.admin.cluster.state.ClusterStateAction;
import org.elasticsearch.action.admin.cluster.state.ClusterStateResponse;
import org.elasticsearch.action.admin.cluster.state.RemoteClusterStateRequest;
import org.elasticsearch.action.support.ContextPreservingActionListener;
import org.elasticsearch.action.support.IndicesOptions;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.common.util.concurrent.ThreadContext;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.index.IndexNotFoundException;
import org.elasticsearch.indices.IndexClosedException;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.RemoteClusterService.DisconnectedStrategy;
import org.elasticsearch.transport.TransportResponse;
import org.elasticsearch.xpack.core.ClientHelper;

import java.util.Map;

/**
 * Calls to the leader's cluster and to this one. Each says on whose behalf: the user of the request at hand, the user who once asked for
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

    /** Metadata of an open leader index, as the user of the request at hand. */
    void leaderIndex(String cluster, String index, ActionListener<IndexMetadata> listener) {
        remote(cluster, ClusterStateAction.REMOTE_TYPE, leaderIndexRequest(index), listener.map(response -> openIndex(response, index)));
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
        remote(cluster, ClusterStateAction.REMOTE_TYPE, allIndicesRequest(), listener.map(ClusterStateResponse::getState));
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
            listener.map(response -> response.isWaitForTimedOut() ? null : response.getState())
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
