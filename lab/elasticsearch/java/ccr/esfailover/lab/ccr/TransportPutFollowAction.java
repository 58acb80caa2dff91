package esfailover.lab.ccr;

import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActiveShardCount;
import org.elasticsearch.action.support.ActiveShardsObserver;
import org.elasticsearch.action.support.RefCountingListener;
import org.elasticsearch.action.support.SubscribableListener;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.index.shard.ShardId;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.xpack.core.ccr.action.PutFollowAction;

import java.util.List;
import java.util.Map;

/** {@code PUT /{index}/_ccr/follow}: creates a follower and starts following. */
public final class TransportPutFollowAction extends CcrMasterAction<PutFollowAction.Request, PutFollowAction.Response> {
    private static final Logger logger = LogManager.getLogger(TransportPutFollowAction.class);
    private static final TimeValue FIRST_COPY_CHECK_INTERVAL = TimeValue.timeValueMillis(50);

    @Inject
    public TransportPutFollowAction(Environment environment) {
        super(
            PutFollowAction.NAME,
            environment,
            PutFollowAction.Request::new,
            PutFollowAction.Response::new,
            ClusterBlockLevel.METADATA_WRITE
        );
    }

    @Override
    protected void masterOperation(PutFollowAction.Request request, ClusterState state, ActionListener<PutFollowAction.Response> listener) {
        requireLicence();
        if (request.getDataStreamName() != null) {
            throw new IllegalArgumentException("lab_ccr does not follow data streams");
        }
        Map<String, String> headers = headersToKeep();
        SubscribableListener.<IndexMetadata>newForked(l -> ccr.client.leaderIndex(request.getRemoteCluster(), request.getLeaderIndex(), l))
            .<FollowerIndex>andThen((l, leader) -> create(request, leader, headers, l))
            .<PutFollowAction.Response>andThen((l, follower) -> start(request, follower, headers, l))
            .addListener(listener);
    }

    /** Everything that can be refused comes before the follower exists. */
    private void create(
        PutFollowAction.Request request,
        IndexMetadata leader,
        Map<String, String> headers,
        ActionListener<FollowerIndex> listener
    ) {
        String remote = request.getRemoteCluster();
        String name = request.getFollowerIndex();
        FollowerCreation.validateLeader(leader, request.getSettings());
        FollowerCreation.validateName(FollowerIndex.project(clusterService.state()), remote, name, leader);
        SubscribableListener.<List<ShardChangesAction.Response>>newForked(l -> probe(remote, leader, headers, l))
            .<FollowerCreation>andThen((l, probes) -> {
                FollowerCreation creation = new FollowerCreation(
                    remote,
                    name,
                    leader,
                    request.getSettings(),
                    probes.stream().map(probe -> probe.historyUuid).toList(),
                    probes.stream().map(probe -> probe.globalCheckpoint).toList()
                );
                takeLeases(remote, leader, creation, l.map(taken -> creation));
            })
            .<Void>andThen((l, creation) -> updateState("follow " + name, state -> creation.apply(state, ccr.allocation), l))
            .andThenApply(created -> FollowerIndex.named(FollowerIndex.project(clusterService.state()), name))
            .addListener(listener);
    }

    /** History and checkpoints of the leader's shards. */
    private void probe(
        String remote,
        IndexMetadata leader,
        Map<String, String> headers,
        ActionListener<List<ShardChangesAction.Response>> listener
    ) {
        ShardChangesAction.Response[] probes = new ShardChangesAction.Response[leader.getNumberOfShards()];
        try (RefCountingListener all = new RefCountingListener(listener.map(done -> List.of(probes)))) {
            for (int i = 0; i < probes.length; i++) {
                int shard = i;
                ShardChangesAction.Request probe = ShardChangesAction.Request.probe(new ShardId(leader.getIndex(), shard));
                ActionListener<ShardChangesAction.Response> probed = all.acquire(response -> probes[shard] = response);
                ccr.client.remoteAs(headers, remote, ShardChangesAction.REMOTE_TYPE, probe, probed);
            }
        }
    }

    private void takeLeases(String remote, IndexMetadata leader, FollowerCreation creation, ActionListener<Void> listener) {
        String lease = creation.leaseId(clusterService.getClusterName().value());
        try (RefCountingListener all = new RefCountingListener(listener)) {
            for (int shard = 0; shard < leader.getNumberOfShards(); shard++) {
                ccr.leases.take(remote, new ShardId(leader.getIndex(), shard), lease, RetentionLeases.RETAIN_ALL, all.acquire());
            }
        }
    }

    /** With {@code wait_for_active_shards=0}, the default, it starts behind the answer's back. */
    private void start(
        PutFollowAction.Request request,
        FollowerIndex follower,
        Map<String, String> headers,
        ActionListener<PutFollowAction.Response> listener
    ) {
        if (request.waitForActiveShards() == ActiveShardCount.NONE) {
            ActionListener<Void> inBackground = ActionListener.wrap(
                started -> {},
                e -> logger.warn(() -> "following of [" + follower.name() + "] has not started", e)
            );
            ccr.tasks.start(follower, request.getParameters(), headers, inBackground);
            listener.onResponse(new PutFollowAction.Response(true, false, false));
            return;
        }
        long deadlineNanos = System.nanoTime() + request.ackTimeout().nanos();
        SubscribableListener.<Void>newForked(l -> ccr.tasks.start(follower, request.getParameters(), headers, l))
            .<Boolean>andThen(
                l -> ActiveShardsObserver.waitForActiveShards(
                    clusterService,
                    ProjectId.DEFAULT,
                    new String[] { follower.name() },
                    request.waitForActiveShards(),
                    request.ackTimeout(),
                    l
                )
            )
            .<Boolean>andThen((l, active) -> {
                if (active) {
                    awaitFirstCopy(follower, 0, deadlineNanos, l);
                } else {
                    l.onResponse(false);
                }
            })
            .addListener(listener.map(acked -> new PutFollowAction.Response(true, acked, true)));
    }

    /** With the real module a follower shard is active only once it has a first copy of its leader shard. */
    private void awaitFirstCopy(FollowerIndex follower, int shard, long deadlineNanos, ActionListener<Boolean> listener) {
        if (shard == follower.metadata().getNumberOfShards()) {
            listener.onResponse(true);
            return;
        }
        ShardOperationsAction.Request probe = ShardOperationsAction.Request.probe(new ShardId(follower.metadata().getIndex(), shard));
        ccr.client.localAsSystem(ShardOperationsAction.TYPE, probe, listener.delegateFailureAndWrap((l, position) -> {
            if (position.globalCheckpoint() >= follower.firstCopyUntil(shard)) {
                awaitFirstCopy(follower, shard + 1, deadlineNanos, l);
            } else if (System.nanoTime() > deadlineNanos) {
                l.onResponse(false);
            } else {
                ccr.client.later(FIRST_COPY_CHECK_INTERVAL, () -> awaitFirstCopy(follower, shard, deadlineNanos, l));
            }
        }));
    }
}
