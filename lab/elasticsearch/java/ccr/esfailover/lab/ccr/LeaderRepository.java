package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.PlainActionFuture;
import org.elasticsearch.action.support.SubscribableListener;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.Metadata;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.metadata.RepositoryMetadata;
import org.elasticsearch.cluster.node.DiscoveryNode;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.component.AbstractLifecycleComponent;
import org.elasticsearch.common.lucene.Lucene;
import org.elasticsearch.core.CheckedConsumer;
import org.elasticsearch.index.IndexVersion;
import org.elasticsearch.index.shard.ShardId;
import org.elasticsearch.index.snapshots.IndexShardRestoreFailedException;
import org.elasticsearch.index.snapshots.IndexShardSnapshotStatus;
import org.elasticsearch.index.store.Store;
import org.elasticsearch.indices.recovery.RecoveryState;
import org.elasticsearch.repositories.FinalizeSnapshotContext;
import org.elasticsearch.repositories.IndexId;
import org.elasticsearch.repositories.IndexMetaDataGenerations;
import org.elasticsearch.repositories.RepositoriesStats;
import org.elasticsearch.repositories.Repository;
import org.elasticsearch.repositories.RepositoryData;
import org.elasticsearch.repositories.RepositoryShardId;
import org.elasticsearch.repositories.ShardGeneration;
import org.elasticsearch.repositories.ShardGenerations;
import org.elasticsearch.repositories.ShardSnapshotResult;
import org.elasticsearch.repositories.SnapshotShardContext;
import org.elasticsearch.snapshots.Snapshot;
import org.elasticsearch.snapshots.SnapshotId;
import org.elasticsearch.snapshots.SnapshotInfo;
import org.elasticsearch.snapshots.SnapshotState;
import org.elasticsearch.telemetry.metric.LongWithAttributes;

import java.io.IOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * A remote cluster as a repository with one snapshot, in which every index is as it is at this moment. Elasticsearch's own restore makes
 * followers from it, so that a follower in its first copy, or after a failed one, looks and answers as any index that is restored.
 */
final class LeaderRepository extends AbstractLifecycleComponent implements Repository {
    /** What repositories need of the node. */
    record Services(CcrClient client, ClusterService clusterService, RetentionLeases leases, CopySpeed speed, AnswerLimit answers) {}

    private static final SnapshotId SNAPSHOT_ID = new SnapshotId(LeaderRepositories.SNAPSHOT, LeaderRepositories.SNAPSHOT);
    /** Elasticsearch wants one for each shard that has ever had a copy. */
    private static final Set<String> NO_ALLOCATION = Set.of("lab_ccr");

    private final ProjectId projectId;
    private final RepositoryMetadata metadata;
    private final String remoteCluster;
    private final Services services;

    LeaderRepository(ProjectId projectId, RepositoryMetadata metadata, Services services) {
        this.projectId = projectId;
        this.metadata = metadata;
        this.remoteCluster = LeaderRepositories.remoteCluster(metadata.name());
        this.services = services;
    }

    @Override
    public ProjectId getProjectId() {
        return projectId;
    }

    @Override
    public RepositoryMetadata getMetadata() {
        return metadata;
    }

    @Override
    public boolean isReadOnly() {
        return true;
    }

    // what is there

    @Override
    public void getRepositoryData(Executor executor, ActionListener<RepositoryData> listener) {
        services.client.leaderNamesAsSystem(remoteCluster, listener.map(this::repositoryData));
    }

    private RepositoryData repositoryData(ClusterState leader) {
        Map<IndexId, List<SnapshotId>> indices = new HashMap<>();
        for (IndexMetadata index : FollowerIndex.project(leader).indices().values()) {
            indices.put(new IndexId(index.getIndex().getName(), index.getIndexUUID()), List.of(SNAPSHOT_ID));
        }
        var details = new RepositoryData.SnapshotDetails(SnapshotState.SUCCESS, IndexVersion.current(), 0, 0, "");
        return new RepositoryData(
            RepositoryData.MISSING_UUID,
            1,
            Map.of(SNAPSHOT_ID.getUUID(), SNAPSHOT_ID),
            Map.of(SNAPSHOT_ID.getUUID(), details),
            indices,
            ShardGenerations.EMPTY,
            IndexMetaDataGenerations.EMPTY,
            RepositoryData.MISSING_UUID
        );
    }

    @Override
    public void getSnapshotInfo(
        Collection<SnapshotId> snapshots,
        boolean abortOnFailure,
        BooleanSupplier isCancelled,
        CheckedConsumer<SnapshotInfo, Exception> consumer,
        ActionListener<Void> listener
    ) {
        services.client.leaderNamesAsSystem(remoteCluster, listener.delegateFailureAndWrap((l, leader) -> {
            List<String> indices = List.copyOf(FollowerIndex.project(leader).indices().keySet());
            Snapshot snapshot = new Snapshot(projectId, metadata.name(), SNAPSHOT_ID);
            consumer.accept(new SnapshotInfo(snapshot, indices, List.of(), List.of(), IndexVersion.current(), SnapshotState.SUCCESS));
            l.onResponse(null);
        }));
    }

    @Override
    public Metadata getSnapshotGlobalMetadata(SnapshotId snapshotId, boolean fromProjectMetadata) {
        return Metadata.EMPTY_METADATA;
    }

    /** All that a follower begins with: the leader's settings and mapping, and whom it follows. Aliases come with the following. */
    @Override
    public IndexMetadata getSnapshotIndexMetaData(RepositoryData repositoryData, SnapshotId snapshotId, IndexId index) {
        IndexMetadata leader = wait(l -> services.client.leaderIndexAsSystem(remoteCluster, index.getName(), l));
        List<String> histories = wait(l -> services.client.leaderHistories(remoteCluster, leader, l));
        IndexMetadata.Builder follower = IndexMetadata.builder(index.getName())
            .settings(leader.getSettings())
            .setRoutingNumShards(leader.getRoutingNumShards())
            .putMapping(leader.mapping());
        for (int shard = 0; shard < leader.getNumberOfShards(); shard++) {
            follower.putInSyncAllocationIds(shard, NO_ALLOCATION);
        }
        FollowerIndex.writeLeader(follower, remoteCluster, leader, histories);
        return follower.build();
    }

    private static <T> T wait(CheckedConsumer<ActionListener<T>, RuntimeException> call) {
        PlainActionFuture<T> future = new PlainActionFuture<>();
        call.accept(future);
        return future.actionGet(CcrClient.MASTER_TIMEOUT.millis(), TimeUnit.MILLISECONDS);
    }

    // the copy

    @Override
    public void restoreShard(
        Store store,
        SnapshotId snapshotId,
        IndexId indexId,
        ShardId snapshotShardId,
        RecoveryState recoveryState,
        ActionListener<Void> listener
    ) {
        ShardId shard = recoveryState.getShardId();
        ActionListener<Void> told = listener.delegateResponse(
            (l, e) -> l.onFailure(new IndexShardRestoreFailedException(shard, "failed to restore snapshot [" + snapshotId + "]", e))
        );
        ActionListener.run(told, l -> {
            FollowerIndex follower = FollowerIndex.of(FollowerIndex.project(services.clusterService.state()).getIndexSafe(shard.getIndex()));
            ShardId leader = follower.leaderShard(shard.id());
            empty(store);
            SubscribableListener.<Void>newForked(taken -> takeLease(follower, leader, taken))
                .<Void>andThen(
                    copied -> new ShardCopy(
                        services.client,
                        services.speed,
                        services.answers,
                        remoteCluster,
                        leader,
                        metadata.name(),
                        snapshotId,
                        recoveryState
                    ).into(store, copied)
                )
                .<IndexMetadata>andThen(
                    fetched -> services.client.leaderIndexAsSystem(
                        remoteCluster,
                        follower.leaderName(),
                        services.answers.on("metadata of " + leader, fetched)
                    )
                )
                .<Void>andThen((mapped, current) -> new LeaderMapping(services.client).give(shard.getIndex(), current, mapped))
                .addListener(l);
        });
    }

    /** Nothing is taken over from an earlier index or try. A failed copy leaves nothing that could be opened. */
    private static void empty(Store store) throws IOException {
        store.incRef();
        try {
            Lucene.cleanLuceneIndex(store.directory());
        } finally {
            store.decRef();
        }
    }

    /** First of all, so that the leader keeps what is written from now on. */
    private void takeLease(FollowerIndex follower, ShardId leader, ActionListener<Void> listener) {
        String lease = follower.leaseId(services.clusterService.getClusterName().value());
        services.leases.take(remoteCluster, leader, lease, RetentionLeases.RETAIN_ALL, services.answers.on("lease on " + leader, listener));
    }

    // there are no snapshots to take, and no statistics

    private static UnsupportedOperationException unsupported() {
        return new UnsupportedOperationException("a remote cluster takes no snapshots");
    }

    @Override
    public void finalizeSnapshot(FinalizeSnapshotContext context) {
        throw unsupported();
    }

    @Override
    public void deleteSnapshots(
        Collection<SnapshotId> snapshots,
        long repositoryDataGeneration,
        IndexVersion minimumNodeVersion,
        ActionListener<RepositoryData> dataUpdated,
        Runnable onCompletion
    ) {
        dataUpdated.onFailure(unsupported());
    }

    @Override
    public void snapshotShard(SnapshotShardContext context) {
        throw unsupported();
    }

    @Override
    public IndexShardSnapshotStatus.Copy getShardSnapshotStatus(SnapshotId snapshotId, IndexId indexId, ShardId shardId) {
        throw unsupported();
    }

    @Override
    public void cloneShardSnapshot(
        SnapshotId source,
        SnapshotId target,
        RepositoryShardId shard,
        ShardGeneration generation,
        ActionListener<ShardSnapshotResult> listener
    ) {
        listener.onFailure(unsupported());
    }

    @Override
    public String startVerification() {
        throw unsupported();
    }

    @Override
    public void endVerification(String verificationToken) {
        throw unsupported();
    }

    @Override
    public void verify(String verificationToken, DiscoveryNode localNode) {}

    @Override
    public void updateState(ClusterState state) {}

    @Override
    public void awaitIdle() {}

    @Override
    public LongWithAttributes getShardSnapshotsInProgress() {
        return null;
    }

    @Override
    public RepositoriesStats.SnapshotStats getSnapshotStats() {
        return RepositoriesStats.SnapshotStats.ZERO;
    }

    @Override
    protected void doStart() {}

    @Override
    protected void doStop() {}

    @Override
    protected void doClose() {}
}
