package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.xpack.core.ccr.action.ActivateAutoFollowPatternAction;

/** {@code POST /_ccr/auto_follow/{name}/pause} and {@code resume}. Indices made during the pause are followed after it. */
public final class TransportActivateAutoFollowPatternAction extends CcrMasterAction<ActivateAutoFollowPatternAction.Request, AcknowledgedResponse> {
    @Inject
    public TransportActivateAutoFollowPatternAction(Environment environment) {
        super(
            ActivateAutoFollowPatternAction.NAME,
            environment,
            ActivateAutoFollowPatternAction.Request::new,
            AcknowledgedResponse::readFrom,
            ClusterBlockLevel.METADATA_WRITE
        );
    }

    @Override
    protected void masterOperation(
        ActivateAutoFollowPatternAction.Request request,
        ClusterState state,
        ActionListener<AcknowledgedResponse> listener
    ) {
        AutoFollowPatterns.update(
            clusterService,
            (request.isActive() ? "resume" : "pause") + " auto-follow pattern " + request.getName(),
            patterns -> AutoFollowPatterns.withActive(patterns, request.getName(), request.isActive()),
            listener.map(updated -> AcknowledgedResponse.TRUE)
        );
    }
}
