package esfailover.lab.ccr;

import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.RefCountingListener;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.common.unit.ByteSizeValue;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.index.shard.ShardId;
import org.elasticsearch.persistent.PersistentTasksCustomMetadata.PersistentTask;
import org.elasticsearch.persistent.PersistentTasksService;
import org.elasticsearch.xpack.core.ccr.action.FollowParameters;
import org.elasticsearch.xpack.core.ccr.action.ShardFollowTask;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Starts and ends the persistent tasks of followers. */
final class ShardFollowTasks {
    private final PersistentTasksService persistentTasks;

    ShardFollowTasks(PersistentTasksService persistentTasks) {
        this.persistentTasks = persistentTasks;
    }

    /** One task per shard, as the user with these headers. */
    void start(FollowerIndex follower, FollowParameters parameters, Map<String, String> headers, ActionListener<Void> listener) {
        try (RefCountingListener all = new RefCountingListener(listener)) {
            for (int shard = 0; shard < follower.metadata().getNumberOfShards(); shard++) {
                ShardFollowTask task = task(follower, shard, parameters, headers);
                persistentTasks.sendProjectStartRequest(
                    ProjectId.DEFAULT,
                    follower.taskId(shard),
                    ShardFollowTask.NAME,
                    task,
                    CcrClient.MASTER_TIMEOUT,
                    all.<PersistentTask<ShardFollowTask>>acquire(started -> {})
                );
            }
        }
    }

    void end(List<PersistentTask<ShardFollowTask>> tasks, ActionListener<Void> listener) {
        try (RefCountingListener all = new RefCountingListener(listener)) {
            for (PersistentTask<ShardFollowTask> task : tasks) {
                ActionListener<Void> one = all.acquire();
                ActionListener<PersistentTask<?>> removed = ActionListener.wrap(gone -> one.onResponse(null), e -> {
                    if (e instanceof ResourceNotFoundException) {
                        one.onResponse(null);
                    } else {
                        one.onFailure(e);
                    }
                });
                persistentTasks.sendProjectRemoveRequest(ProjectId.DEFAULT, task.getId(), CcrClient.MASTER_TIMEOUT, removed);
            }
        }
    }

    /** Where a parameter is not given, the default is that of the documentation of the follow API. */
    private static ShardFollowTask task(FollowerIndex follower, int shard, FollowParameters parameters, Map<String, String> headers) {
        return new ShardFollowTask(
            follower.remoteCluster(),
            new ShardId(follower.metadata().getIndex(), shard),
            follower.leaderShard(shard),
            given(parameters.getMaxReadRequestOperationCount(), () -> 5120),
            given(parameters.getMaxWriteRequestOperationCount(), () -> 5120),
            given(parameters.getMaxOutstandingReadRequests(), () -> 12),
            given(parameters.getMaxOutstandingWriteRequests(), () -> 9),
            given(parameters.getMaxReadRequestSize(), () -> ByteSizeValue.ofMb(32)),
            given(parameters.getMaxWriteRequestSize(), () -> ByteSizeValue.ofBytes(Long.MAX_VALUE)),
            given(parameters.getMaxWriteBufferCount(), () -> Integer.MAX_VALUE),
            given(parameters.getMaxWriteBufferSize(), () -> ByteSizeValue.ofMb(512)),
            given(parameters.getMaxRetryDelay(), () -> TimeValue.timeValueMillis(500)),
            given(parameters.getReadPollTimeout(), () -> TimeValue.timeValueMinutes(1)),
            headers
        );
    }

    private static <T> T given(T value, Supplier<T> otherwise) {
        return value == null ? otherwise.get() : value;
    }

    static FollowParameters parameters(ShardFollowTask task) {
        FollowParameters parameters = new FollowParameters();
        parameters.setMaxReadRequestOperationCount(task.getMaxReadRequestOperationCount());
        parameters.setMaxWriteRequestOperationCount(task.getMaxWriteRequestOperationCount());
        parameters.setMaxOutstandingReadRequests(task.getMaxOutstandingReadRequests());
        parameters.setMaxOutstandingWriteRequests(task.getMaxOutstandingWriteRequests());
        parameters.setMaxReadRequestSize(task.getMaxReadRequestSize());
        parameters.setMaxWriteRequestSize(task.getMaxWriteRequestSize());
        parameters.setMaxWriteBufferCount(task.getMaxWriteBufferCount());
        parameters.setMaxWriteBufferSize(task.getMaxWriteBufferSize());
        parameters.setMaxRetryDelay(task.getMaxRetryDelay());
        parameters.setReadPollTimeout(task.getReadPollTimeout());
        return parameters;
    }
}
