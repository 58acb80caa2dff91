package esfailover.lab.ccr;

import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.elasticsearch.ElasticsearchException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.index.IndexNotFoundException;
import org.elasticsearch.index.shard.ShardId;
import org.elasticsearch.persistent.AllocatedPersistentTask;
import org.elasticsearch.tasks.TaskId;
import org.elasticsearch.threadpool.Scheduler;
import org.elasticsearch.transport.TransportException;
import org.elasticsearch.xpack.core.ccr.ShardFollowNodeTaskStatus;
import org.elasticsearch.xpack.core.ccr.action.ShardFollowTask;

import java.util.Map;
import java.util.function.Consumer;

/**
 * Replicates one leader shard into one follower shard, one batch after the other: read, take over changed metadata, write, read on.
 * Where to go on is stored nowhere: it is the follower shard's own local checkpoint, as operations keep their sequence numbers.
 */
final class ShardFollower extends AllocatedPersistentTask {
    private static final Logger logger = LogManager.getLogger(ShardFollower.class);
    private static final TimeValue LEASE_RENEWAL_INTERVAL = TimeValue.timeValueSeconds(30);
    private static final TimeValue STALLED_CHECK_INTERVAL = TimeValue.timeValueMillis(200);

    /** What the shards of a node share. */
    record Services(CcrClient client, RetentionLeases leases, MetadataFollower metadata, ClusterService clusterService) {}

    private final ShardFollowTask task;
    private final Services services;
    private final FollowProgress progress;

    /** Set by {@link #begin}. */
    private volatile FollowerIndex follower;
    private volatile Scheduler.Cancellable leaseRenewal;
    private volatile boolean isStopped;

    ShardFollower(
        long id,
        String type,
        String action,
        String description,
        TaskId parent,
        Map<String, String> headers,
        ShardFollowTask task,
        Services services
    ) {
        super(id, type, action, description, parent, headers);
        this.task = task;
        this.services = services;
        this.progress = new FollowProgress(task);
    }

    ShardId followerShard() {
        return task.getFollowShardId();
    }

    @Override
    public ShardFollowNodeTaskStatus getStatus() {
        return progress.status();
    }

    // life

    void begin() {
        IndexMetadata metadata = FollowerIndex.project(services.clusterService.state()).index(followerShard().getIndex());
        if (metadata == null) {
            markAsFailed(new IndexNotFoundException(followerShard().getIndex()));
            return;
        }
        follower = FollowerIndex.of(metadata);
        leaseRenewal = services.client.threadPool()
            .scheduleWithFixedDelay(this::renewLease, LEASE_RENEWAL_INTERVAL, services.client.threadPool().generic());
        startFromOwnPosition();
    }

    @Override
    protected void onCancelled() {
        stop();
        markAsCompleted();
    }

    private void stop() {
        isStopped = true;
        Scheduler.Cancellable renewal = leaseRenewal;
        if (renewal != null) {
            renewal.cancel();
        }
    }

    /** The task goes on existing, so that its failure can be seen, until the follower is paused. */
    private void stopForGood(Exception e) {
        if (progress.stopForGood(e)) {
            stop();
            logger.warn(() -> followerShard() + " shard follow task encountered non-retryable error", e);
        }
    }

    private boolean isHalted() {
        if (isCancelled() || isCompleted()) {
            stop();
        } else if (misbehaves(Misbehaviour.FATAL)) {
            stopForGood(new ElasticsearchException("lab_ccr: fatal exception, as asked for"));
        }
        return isStopped;
    }

    /** Makes a change of what is asked for count at once, also while a read waits at the leader. */
    void noticeMisbehaviour() {
        if (isStopped == false) {
            isHalted();
        }
    }

    private boolean misbehaves(Misbehaviour kind) {
        return kind.isAskedFor(services.clusterService.state(), followerShard().getIndexName());
    }

    /** Tries again later what failed for a passing reason; stops for good on any other. max_retry_delay has no say, as with the real module. */
    private void retry(Exception e, Runnable again) {
        if (isHalted()) {
            return;
        }
        if (RetryPolicy.isPassing(e)) {
            services.client.later(RetryPolicy.delay(progress.failuresInRow(), task.getReadPollTimeout()), again);
        } else {
            stopForGood(e);
        }
    }

    private void startFromOwnPosition() {
        if (isHalted()) {
            return;
        }
        services.client.ownPosition(followerShard(), ActionListener.wrap(own -> {
            progress.startsAt(own);
            renewLease();
            takeOverMetadata(() -> read(own.getLocalCheckpoint() + 1));
        }, e -> {
            progress.tryFails();
            retry(e, this::startFromOwnPosition);
        }));
    }

    // reading

    private void read(long fromSeqNo) {
        if (isHalted()) {
            return;
        }
        if (misbehaves(Misbehaviour.STALLS)) {
            services.client.later(STALLED_CHECK_INTERVAL, () -> read(fromSeqNo));
            return;
        }
        progress.readStarts();
        ActionListener<ShardChangesAction.Response> listener = ActionListener.wrap(
            response -> readSucceeds(fromSeqNo, response),
            e -> readFails(fromSeqNo, e)
        );
        if (misbehaves(Misbehaviour.READ_FAILS)) {
            listener.onFailure(new TransportException("lab_ccr: failed read, as asked for"));
            return;
        }
        int shard = followerShard().id();
        ShardChangesAction.Request request = new ShardChangesAction.Request(
            task.getLeaderShardId(),
            fromSeqNo,
            task.getMaxReadRequestOperationCount(),
            task.getMaxReadRequestSize().getBytes(),
            task.getReadPollTimeout(),
            follower.leaderHistoryUuid(shard)
        );
        services.client.remoteAs(task.getHeaders(), task.getRemoteCluster(), ShardChangesAction.REMOTE_TYPE, request, listener);
    }

    private void readSucceeds(long fromSeqNo, ShardChangesAction.Response response) {
        if (isHalted()) {
            return;
        }
        if (misbehaves(Misbehaviour.STALLS)) {
            read(fromSeqNo);
            return;
        }
        progress.readSucceeds(fromSeqNo, response);
        Runnable next = () -> write(fromSeqNo, response.batch, response.maxSeqNoOfUpdatesOrDeletes);
        if (progress.versions().isBehind(LeaderVersions.of(response))) {
            takeOverMetadata(next);
        } else {
            next.run();
        }
    }

    private void readFails(long fromSeqNo, Exception e) {
        progress.readFails(fromSeqNo, e);
        retry(e, () -> read(fromSeqNo));
    }

    // metadata

    private void takeOverMetadata(Runnable then) {
        if (isHalted()) {
            return;
        }
        Consumer<Exception> failed = e -> {
            progress.tryFails();
            retry(e, () -> takeOverMetadata(then));
        };
        services.client.leaderIndexAs(
            task.getHeaders(),
            task.getRemoteCluster(),
            follower.leaderName(),
            ActionListener.wrap(
                leader -> services.metadata.takeOver(followerShard().getIndex(), leader, ActionListener.wrap(done -> {
                    progress.metadataReached(LeaderVersions.of(leader));
                    then.run();
                }, failed)),
                failed
            )
        );
    }

    // writing

    private void write(long fromSeqNo, ShardChangesAction.Batch batch, long maxSeqNoOfUpdatesOrDeletes) {
        if (isHalted()) {
            return;
        }
        if (batch.operations().isEmpty()) {
            read(fromSeqNo);
            return;
        }
        long startNanos = System.nanoTime();
        progress.writeStarts(batch);
        Runnable again = () -> write(fromSeqNo, batch, maxSeqNoOfUpdatesOrDeletes);
        services.client.localAs(
            task.getHeaders(),
            ShardOperationsAction.TYPE,
            new ShardOperationsAction.Request(followerShard(), batch.operations(), maxSeqNoOfUpdatesOrDeletes),
            ActionListener.wrap(written -> {
                progress.writeSucceeds(batch, startNanos, written);
                read(written.localCheckpoint() + 1);
            }, e -> {
                progress.writeFails(startNanos);
                if (ShardOperationsAction.MappingBehindException.isCauseOf(e)) {
                    takeOverMetadata(again);
                } else {
                    retry(e, again);
                }
            })
        );
    }

    private void renewLease() {
        if (isStopped) {
            return;
        }
        services.leases.renew(
            task.getRemoteCluster(),
            task.getLeaderShardId(),
            follower.leaseId(services.clusterService.getClusterName().value()),
            progress.followerGlobalCheckpoint() + 1,
            ActionListener.wrap(
                renewed -> {},
                e -> logger.debug(() -> followerShard() + " could not renew its retention lease, the next time comes soon", e)
            )
        );
    }
}
