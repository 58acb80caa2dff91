package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.DefaultShardOperationFailedException;
import org.elasticsearch.action.support.HandledTransportAction;
import org.elasticsearch.action.support.IndicesOptions;
import org.elasticsearch.action.support.RefCountingListener;
import org.elasticsearch.action.support.broadcast.BroadcastResponse;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.index.seqno.RetentionLeaseActions;
import org.elasticsearch.index.shard.ShardId;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ccr.action.ForgetFollowerAction;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * {@code POST /{index}/_ccr/forget_follower}, on the leader's cluster: drops the leases of a follower that was unfollowed while the leader
 * could not be reached.
 */
public final class TransportForgetFollowerAction extends HandledTransportAction<ForgetFollowerAction.Request, BroadcastResponse> {
    private final ClusterService clusterService;
    private final IndexNameExpressionResolver resolver;
    private final CcrServices ccr;

    @Inject
    public TransportForgetFollowerAction(
        TransportService transportService,
        ActionFilters actionFilters,
        ThreadPool threadPool,
        ClusterService clusterService,
        IndexNameExpressionResolver resolver,
        CcrServices ccr
    ) {
        super(ForgetFollowerAction.NAME, transportService, actionFilters, ForgetFollowerAction.Request::new, threadPool.generic());
        this.clusterService = clusterService;
        this.resolver = resolver;
        this.ccr = ccr;
    }

    @Override
    protected void doExecute(Task task, ForgetFollowerAction.Request request, ActionListener<BroadcastResponse> listener) {
        ProjectMetadata project = FollowerIndex.project(clusterService.state());
        IndicesOptions oneOpenIndex = IndicesOptions.strictSingleIndexNoExpandForbidClosed();
        IndexMetadata leader = project.index(resolver.concreteIndexNames(project, oneOpenIndex, request.leaderIndex())[0]);
        String lease = FollowerIndex.leaseId(
            request.followerCluster(),
            request.followerIndex(),
            request.followerIndexUUID(),
            request.leaderRemoteCluster(),
            leader.getIndex().getName(),
            leader.getIndexUUID()
        );
        int shards = leader.getNumberOfShards();
        List<DefaultShardOperationFailedException> failures = new CopyOnWriteArrayList<>();
        ActionListener<Void> whenDone = listener.map(done -> new BroadcastResponse(shards, shards - failures.size(), failures.size(), failures));
        try (RefCountingListener all = new RefCountingListener(whenDone)) {
            for (int i = 0; i < shards; i++) {
                int shard = i;
                ActionListener<Void> one = all.acquire();
                ccr.client.localAsSystem(
                    RetentionLeaseActions.REMOVE,
                    new RetentionLeaseActions.RemoveRequest(new ShardId(leader.getIndex(), shard), lease),
                    ActionListener.wrap(removed -> one.onResponse(null), e -> {
                        failures.add(new DefaultShardOperationFailedException(leader.getIndex().getName(), shard, e));
                        one.onResponse(null);
                    })
                );
            }
        }
    }
}
