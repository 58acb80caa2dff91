package esfailover.lab.ccr;

import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.FailedNodeException;
import org.elasticsearch.action.TaskOperationFailure;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.tasks.TransportTasksAction;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.Strings;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.tasks.CancellableTask;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ccr.action.FollowStatsAction.StatsRequest;
import org.elasticsearch.xpack.core.ccr.action.FollowStatsAction.StatsResponse;
import org.elasticsearch.xpack.core.ccr.action.FollowStatsAction.StatsResponses;
import org.elasticsearch.xpack.core.ccr.action.FollowStatsAction;

import java.util.List;
import java.util.Set;

/** {@code GET /{index}/_ccr/stats}: what the shard tasks of these followers say, gathered from all nodes. */
public final class TransportFollowStatsAction extends TransportTasksAction<ShardFollower, StatsRequest, StatsResponses, StatsResponse> {
    @Inject
    public TransportFollowStatsAction(
        ClusterService clusterService,
        TransportService transportService,
        ActionFilters actionFilters,
        ThreadPool threadPool
    ) {
        super(
            FollowStatsAction.NAME,
            clusterService,
            transportService,
            actionFilters,
            StatsRequest::new,
            StatsResponse::new,
            threadPool.generic()
        );
    }

    @Override
    protected void doExecute(Task task, StatsRequest request, ActionListener<StatsResponses> listener) {
        CcrMasterAction.requireLicence();
        boolean isAny = FollowerIndex.tasks(FollowerIndex.project(clusterService.state()))
            .stream()
            .anyMatch(known -> isWanted(request, known.getParams().getFollowShardId().getIndexName()));
        if (isAny == false && isForAll(request) == false) {
            throw new ResourceNotFoundException("No shard follow tasks for follower indices [{}]", String.join(",", request.indices()));
        }
        super.doExecute(task, request, listener);
    }

    /** All, or by full name: other wildcards name nothing. */
    private static boolean isForAll(StatsRequest request) {
        return Strings.isAllOrWildcard(request.indices());
    }

    private static boolean isWanted(StatsRequest request, String followerName) {
        return isForAll(request) || Set.of(request.indices()).contains(followerName);
    }

    @Override
    protected List<ShardFollower> processTasks(StatsRequest request) {
        return taskManager.getCancellableTasks()
            .values()
            .stream()
            .filter(task -> task instanceof ShardFollower && task.isCancelled() == false)
            .map(task -> (ShardFollower) task)
            .filter(follower -> isWanted(request, follower.followerShard().getIndexName()))
            .toList();
    }

    @Override
    protected StatsResponses newResponse(
        StatsRequest request,
        List<StatsResponse> responses,
        List<TaskOperationFailure> taskFailures,
        List<FailedNodeException> nodeFailures
    ) {
        return new StatsResponses(taskFailures, nodeFailures, responses);
    }

    @Override
    protected void taskOperation(CancellableTask action, StatsRequest request, ShardFollower task, ActionListener<StatsResponse> listener) {
        listener.onResponse(new StatsResponse(task.getStatus()));
    }
}
