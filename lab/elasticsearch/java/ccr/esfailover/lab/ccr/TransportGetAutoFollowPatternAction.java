package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.xpack.core.ccr.AutoFollowMetadata;
import org.elasticsearch.xpack.core.ccr.action.GetAutoFollowPatternAction;

import java.util.Map;

/** {@code GET /_ccr/auto_follow} and {@code GET /_ccr/auto_follow/{name}}. */
public final class TransportGetAutoFollowPatternAction extends CcrMasterAction<GetAutoFollowPatternAction.Request, GetAutoFollowPatternAction.Response> {
    @Inject
    public TransportGetAutoFollowPatternAction(Environment environment) {
        super(
            GetAutoFollowPatternAction.NAME,
            environment,
            GetAutoFollowPatternAction.Request::new,
            GetAutoFollowPatternAction.Response::new,
            ClusterBlockLevel.METADATA_READ
        );
    }

    @Override
    protected void masterOperation(
        GetAutoFollowPatternAction.Request request,
        ClusterState state,
        ActionListener<GetAutoFollowPatternAction.Response> listener
    ) {
        AutoFollowMetadata patterns = AutoFollowPatterns.of(state);
        listener.onResponse(
            new GetAutoFollowPatternAction.Response(
                request.getName() == null
                    ? patterns.getPatterns()
                    : Map.of(request.getName(), AutoFollowPatterns.existing(patterns, request.getName()))
            )
        );
    }
}
