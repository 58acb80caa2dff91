package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.xpack.core.ccr.action.CcrStatsAction;
import org.elasticsearch.xpack.core.ccr.action.FollowStatsAction;

/** {@code GET /_ccr/stats}: auto-follow and all followers. */
public final class TransportCcrStatsAction extends CcrMasterAction<CcrStatsAction.Request, CcrStatsAction.Response> {
    @Inject
    public TransportCcrStatsAction(Environment environment) {
        super(
            CcrStatsAction.NAME,
            environment,
            CcrStatsAction.Request::new,
            CcrStatsAction.Response::new,
            ClusterBlockLevel.METADATA_READ
        );
    }

    @Override
    protected void masterOperation(CcrStatsAction.Request request, ClusterState state, ActionListener<CcrStatsAction.Response> listener) {
        requireLicence();
        ccr.client.localAsSystem(
            FollowStatsAction.INSTANCE,
            new FollowStatsAction.StatsRequest(),
            listener.map(followers -> new CcrStatsAction.Response(ccr.autoFollow.stats(), followers))
        );
    }
}
