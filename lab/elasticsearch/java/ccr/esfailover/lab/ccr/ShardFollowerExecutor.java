package esfailover.lab.ccr;

import org.elasticsearch.cluster.ClusterChangedEvent;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.node.DiscoveryNode;
import org.elasticsearch.cluster.routing.IndexRoutingTable;
import org.elasticsearch.cluster.routing.ShardRouting;
import org.elasticsearch.index.shard.ShardId;
import org.elasticsearch.persistent.AllocatedPersistentTask;
import org.elasticsearch.persistent.PersistentTaskState;
import org.elasticsearch.persistent.PersistentTasksCustomMetadata.Assignment;
import org.elasticsearch.persistent.PersistentTasksCustomMetadata.PersistentTask;
import org.elasticsearch.persistent.PersistentTasksExecutor;
import org.elasticsearch.tasks.TaskId;
import org.elasticsearch.xpack.core.ccr.action.ShardFollowTask;

import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Runs shard-follow tasks, each by preference on the node that has the follower shard's primary. */
final class ShardFollowerExecutor extends PersistentTasksExecutor<ShardFollowTask> {
    private final ShardFollower.Services services;
    private final Set<ShardFollower> running = ConcurrentHashMap.newKeySet();

    ShardFollowerExecutor(ShardFollower.Services services) {
        super(ShardFollowTask.NAME, services.client().threadPool().generic());
        this.services = services;
        services.clusterService().addListener(this::noticeMisbehaviour);
    }

    private void noticeMisbehaviour(ClusterChangedEvent event) {
        if (event.metadataChanged() == false) {
            return;
        }
        running.removeIf(AllocatedPersistentTask::isCancelled);
        if (Misbehaviour.isAnyAskedFor(event.state())) {
            services.client().threadPool().generic().execute(() -> running.forEach(ShardFollower::noticeMisbehaviour));
        }
    }

    /** Following starts only once the first copy is there. */
    @Override
    public void validate(ShardFollowTask task, ClusterState state, ProjectId project) {
        ShardId shard = task.getFollowShardId();
        ShardRouting primary = state.routingTable(project).shardRoutingTable(shard.getIndexName(), shard.id()).primaryShard();
        if (primary.active() == false) {
            throw new IllegalArgumentException("The primary shard of a follower index " + primary + " is not active");
        }
    }

    @Override
    protected Assignment doGetAssignment(ShardFollowTask task, Collection<DiscoveryNode> candidates, ClusterState state, ProjectId project) {
        IndexRoutingTable routing = state.routingTable(project).index(task.getFollowShardId().getIndex());
        if (routing != null) {
            ShardRouting primary = routing.shard(task.getFollowShardId().id()).primaryShard();
            if (primary.active() && candidates.stream().anyMatch(node -> node.getId().equals(primary.currentNodeId()))) {
                return new Assignment(primary.currentNodeId(), "node of the follower shard's primary");
            }
        }
        DiscoveryNode node = selectLeastLoadedNode(state, candidates, DiscoveryNode::canContainData);
        return node == null ? NO_NODE_FOUND : new Assignment(node.getId(), "least loaded data node");
    }

    @Override
    protected AllocatedPersistentTask createTask(
        long id,
        String type,
        String action,
        TaskId parent,
        PersistentTask<ShardFollowTask> task,
        Map<String, String> headers
    ) {
        return new ShardFollower(id, type, action, getDescription(task), parent, headers, task.getParams(), services);
    }

    @Override
    protected void nodeOperation(AllocatedPersistentTask task, ShardFollowTask params, PersistentTaskState state) {
        ShardFollower follower = (ShardFollower) task;
        running.add(follower);
        follower.begin();
    }
}
