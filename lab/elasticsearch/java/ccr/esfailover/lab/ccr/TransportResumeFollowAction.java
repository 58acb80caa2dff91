package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.xpack.core.ccr.action.ResumeFollowAction;

import java.util.Map;

/** {@code POST /{index}/_ccr/resume_follow}: follows again, from where the follower is. */
public final class TransportResumeFollowAction extends CcrMasterAction<ResumeFollowAction.Request, AcknowledgedResponse> {
    @Inject
    public TransportResumeFollowAction(Environment environment) {
        super(
            ResumeFollowAction.NAME,
            environment,
            ResumeFollowAction.Request::new,
            AcknowledgedResponse::readFrom,
            ClusterBlockLevel.METADATA_WRITE
        );
    }

    @Override
    protected String followerOf(ResumeFollowAction.Request request) {
        return request.getFollowerIndex();
    }

    @Override
    protected void masterOperation(ResumeFollowAction.Request request, ClusterState state, ActionListener<AcknowledgedResponse> listener) {
        requireLicence();
        FollowerIndex follower = FollowerIndex.named(FollowerIndex.project(state), request.getFollowerIndex());
        Map<String, String> headers = headersToKeep();
        ccr.client.leaderIndex(follower.remoteCluster(), follower.leaderName(), listener.delegateFailureAndWrap((l, leader) -> {
            LeaderFitness.checkBoth(follower, leader);
            ccr.tasks.start(follower, request.getParameters(), headers, l.map(started -> AcknowledgedResponse.TRUE));
        }));
    }
}
