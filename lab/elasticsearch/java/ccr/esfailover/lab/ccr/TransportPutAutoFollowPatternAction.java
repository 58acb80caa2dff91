package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.xpack.core.ccr.AutoFollowMetadata.AutoFollowPattern;
import org.elasticsearch.xpack.core.ccr.action.PutAutoFollowPatternAction;

import java.util.List;
import java.util.Map;

/** {@code PUT /_ccr/auto_follow/{name}}: from now on, new leader indices with such names are followed. */
public final class TransportPutAutoFollowPatternAction extends CcrMasterAction<PutAutoFollowPatternAction.Request, AcknowledgedResponse> {
    @Inject
    public TransportPutAutoFollowPatternAction(Environment environment) {
        super(
            PutAutoFollowPatternAction.NAME,
            environment,
            PutAutoFollowPatternAction.Request::new,
            AcknowledgedResponse::readFrom,
            ClusterBlockLevel.METADATA_WRITE
        );
    }

    @Override
    protected void masterOperation(
        PutAutoFollowPatternAction.Request request,
        ClusterState state,
        ActionListener<AcknowledgedResponse> listener
    ) {
        requireLicence();
        Map<String, String> headers = headersToKeep();
        ccr.client.leaderState(request.getRemoteCluster(), listener.delegateFailureAndWrap((l, leader) -> {
            AutoFollowPattern before = AutoFollowPatterns.of(clusterService.state()).getPatterns().get(request.getName());
            List<String> settled = AutoFollowPatterns.newlyCovered(FollowerIndex.project(leader), request, before);
            AutoFollowPatterns.update(
                clusterService,
                "put auto-follow pattern " + request.getName(),
                patterns -> AutoFollowPatterns.with(patterns, request, headers, settled),
                l.map(updated -> AcknowledgedResponse.TRUE)
            );
        }));
    }
}
