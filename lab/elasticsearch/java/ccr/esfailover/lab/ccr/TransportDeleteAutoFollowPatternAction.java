package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.xpack.core.ccr.action.DeleteAutoFollowPatternAction;

/** {@code DELETE /_ccr/auto_follow/{name}}. What was followed because of the pattern goes on being followed. */
public final class TransportDeleteAutoFollowPatternAction extends CcrMasterAction<DeleteAutoFollowPatternAction.Request, AcknowledgedResponse> {
    @Inject
    public TransportDeleteAutoFollowPatternAction(Environment environment) {
        super(
            DeleteAutoFollowPatternAction.NAME,
            environment,
            DeleteAutoFollowPatternAction.Request::new,
            AcknowledgedResponse::readFrom,
            ClusterBlockLevel.METADATA_WRITE
        );
    }

    @Override
    protected void masterOperation(
        DeleteAutoFollowPatternAction.Request request,
        ClusterState state,
        ActionListener<AcknowledgedResponse> listener
    ) {
        AutoFollowPatterns.update(
            clusterService,
            "delete auto-follow pattern " + request.getName(),
            patterns -> AutoFollowPatterns.without(patterns, request.getName()),
            listener.map(updated -> AcknowledgedResponse.TRUE)
        );
    }
}
