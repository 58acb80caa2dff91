package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.persistent.PersistentTasksCustomMetadata.PersistentTask;
import org.elasticsearch.xpack.core.ccr.action.PauseFollowAction;
import org.elasticsearch.xpack.core.ccr.action.ShardFollowTask;

import java.util.List;

/** {@code POST /{index}/_ccr/pause_follow}: ends the tasks of a follower, which stays a follower. */
public final class TransportPauseFollowAction extends CcrMasterAction<PauseFollowAction.Request, AcknowledgedResponse> {
    @Inject
    public TransportPauseFollowAction(Environment environment) {
        super(
            PauseFollowAction.NAME,
            environment,
            PauseFollowAction.Request::new,
            AcknowledgedResponse::readFrom,
            ClusterBlockLevel.METADATA_WRITE
        );
    }

    @Override
    protected String followerOf(PauseFollowAction.Request request) {
        return request.getFollowIndex();
    }

    @Override
    protected void masterOperation(PauseFollowAction.Request request, ClusterState state, ActionListener<AcknowledgedResponse> listener) {
        String name = request.getFollowIndex();
        if (Misbehaviour.PAUSE_HANGS.isAskedFor(state, name)) {
            return;
        }
        ProjectMetadata project = FollowerIndex.project(state);
        FollowerIndex.named(project, name);
        List<PersistentTask<ShardFollowTask>> tasks = FollowerIndex.tasks(project, name);
        if (tasks.isEmpty()) {
            throw new IllegalArgumentException("no shard follow tasks for [" + name + "]");
        }
        ccr.tasks.end(tasks, listener.map(ended -> AcknowledgedResponse.TRUE));
    }
}
