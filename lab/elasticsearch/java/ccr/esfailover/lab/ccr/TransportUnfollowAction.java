package esfailover.lab.ccr;

import org.elasticsearch.ElasticsearchException;
import org.elasticsearch.ExceptionsHelper;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.RefCountingListener;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.xpack.core.ccr.action.UnfollowAction;

/** {@code POST /{index}/_ccr/unfollow}: makes a paused and closed follower a common index. */
public final class TransportUnfollowAction extends CcrMasterAction<UnfollowAction.Request, AcknowledgedResponse> {
    @Inject
    public TransportUnfollowAction(Environment environment) {
        super(
            UnfollowAction.NAME,
            environment,
            UnfollowAction.Request::new,
            AcknowledgedResponse::readFrom,
            ClusterBlockLevel.METADATA_WRITE
        );
    }

    @Override
    protected String followerOf(UnfollowAction.Request request) {
        return request.getFollowerIndex();
    }

    @Override
    protected void masterOperation(UnfollowAction.Request request, ClusterState state, ActionListener<AcknowledgedResponse> listener) {
        String name = request.getFollowerIndex();
        if (Misbehaviour.UNFOLLOW_HANGS.isAskedFor(state, name)) {
            return;
        }
        FollowerIndex follower = convertible(FollowerIndex.project(state), name);
        updateState("unfollow " + name, s -> convert(s, name), listener.delegateFailureAndWrap((l, converted) -> dropLeases(follower, l)));
    }

    private static FollowerIndex convertible(ProjectMetadata project, String name) {
        IndexMetadata metadata = FollowerIndex.existing(project, name);
        if (FollowerIndex.isFollower(metadata) == false) {
            throw new IllegalArgumentException("index [" + name + "] is not a follower index");
        }
        String cannot = "cannot convert the follower index [" + name + "] to a non-follower, because it has not been ";
        if (metadata.getState() != IndexMetadata.State.CLOSE) {
            throw new IllegalArgumentException(cannot + "closed");
        }
        if (FollowerIndex.tasks(project, name).isEmpty() == false) {
            throw new IllegalArgumentException(cannot + "paused");
        }
        return FollowerIndex.of(metadata);
    }

    private static ClusterState convert(ClusterState state, String name) {
        IndexMetadata follower = convertible(FollowerIndex.project(state), name).metadata();
        String marker = FollowerIndex.FOLLOWING_SETTING.getKey();
        Settings settings = follower.getSettings().filter(key -> key.equals(marker) == false);
        IndexMetadata.Builder common = IndexMetadata.builder(follower).settings(settings).settingsVersion(follower.getSettingsVersion() + 1);
        FollowerIndex.removeLeader(common);
        return state.copyAndUpdateProject(ProjectId.DEFAULT, project -> project.put(common));
    }

    /** The index is a follower no more by now, whatever comes of the leases. A failure here tells it, and the conversion stays. */
    private void dropLeases(FollowerIndex follower, ActionListener<AcknowledgedResponse> listener) {
        String lease = follower.leaseId(clusterService.getClusterName().value());
        ActionListener<Void> whenDropped = ActionListener.wrap(dropped -> listener.onResponse(AcknowledgedResponse.TRUE), e -> {
            String what = "failed to remove the retention lease [" + lease + "] of the unfollowed index [" + follower.name() + "]";
            ElasticsearchException failure = new ElasticsearchException(what, ExceptionsHelper.unwrapCause(e));
            failure.addMetadata("es.failed_to_remove_retention_leases", lease);
            listener.onFailure(failure);
        });
        try (RefCountingListener all = new RefCountingListener(whenDropped)) {
            for (int shard = 0; shard < follower.metadata().getNumberOfShards(); shard++) {
                ActionListener<Void> one = all.acquire();
                if (Misbehaviour.LEASE_REMOVAL_FAILS.isAskedFor(clusterService.state(), follower.name())) {
                    one.onFailure(new ElasticsearchException("lab_ccr: lease removal failed, as asked for"));
                } else {
                    ccr.leases.drop(follower.remoteCluster(), follower.leaderShard(shard), lease, one);
                }
            }
        }
    }
}
