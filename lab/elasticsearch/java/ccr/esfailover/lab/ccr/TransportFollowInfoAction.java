package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.IndicesOptions;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.persistent.PersistentTasksCustomMetadata.PersistentTask;
import org.elasticsearch.xpack.core.ccr.action.FollowInfoAction;
import org.elasticsearch.xpack.core.ccr.action.FollowInfoAction.Response.FollowerInfo;
import org.elasticsearch.xpack.core.ccr.action.FollowInfoAction.Response.Status;
import org.elasticsearch.xpack.core.ccr.action.ShardFollowTask;

import java.util.ArrayList;
import java.util.List;

/** {@code GET /{index}/_ccr/info}: the followers among these indices, with their leaders and whether they are paused. */
public final class TransportFollowInfoAction extends CcrMasterAction<FollowInfoAction.Request, FollowInfoAction.Response> {
    private final IndexNameExpressionResolver resolver;

    @Inject
    public TransportFollowInfoAction(Environment environment, IndexNameExpressionResolver resolver) {
        super(
            FollowInfoAction.NAME,
            environment,
            FollowInfoAction.Request::new,
            FollowInfoAction.Response::new,
            ClusterBlockLevel.METADATA_READ
        );
        this.resolver = resolver;
    }

    @Override
    protected void masterOperation(FollowInfoAction.Request request, ClusterState state, ActionListener<FollowInfoAction.Response> listener) {
        ProjectMetadata project = FollowerIndex.project(state);
        List<FollowerInfo> infos = new ArrayList<>();
        for (String name : resolver.concreteIndexNames(project, IndicesOptions.strictExpand(), request.getFollowerIndices())) {
            IndexMetadata metadata = project.index(name);
            if (FollowerIndex.isFollower(metadata)) {
                infos.add(info(FollowerIndex.of(metadata), FollowerIndex.tasks(project, name)));
            }
        }
        listener.onResponse(new FollowInfoAction.Response(infos));
    }

    private static FollowerInfo info(FollowerIndex follower, List<PersistentTask<ShardFollowTask>> tasks) {
        return tasks.isEmpty()
            ? new FollowerInfo(follower.name(), follower.remoteCluster(), follower.leaderName(), Status.PAUSED, null)
            : new FollowerInfo(
                follower.name(),
                follower.remoteCluster(),
                follower.leaderName(),
                Status.ACTIVE,
                ShardFollowTasks.parameters(tasks.get(0).getParams())
            );
    }
}
