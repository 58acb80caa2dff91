package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionResponse;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.master.MasterNodeRequest;
import org.elasticsearch.action.support.master.TransportMasterNodeAction;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ClusterStateUpdateTask;
import org.elasticsearch.cluster.block.ClusterBlockException;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.io.stream.Writeable;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.license.LicenseUtils;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.ClientHelper;
import org.elasticsearch.xpack.core.XPackPlugin;
import org.elasticsearch.xpack.core.ccr.CcrConstants;

import java.util.Map;
import java.util.function.UnaryOperator;

/** An action of the CCR API. All of them but forget_follower and the statistics of single indices run on the elected master. */
abstract class CcrMasterAction<Request extends MasterNodeRequest<Request>, Response extends ActionResponse> extends TransportMasterNodeAction<
    Request,
    Response> {

    /** What the actions of a node share; Elasticsearch's injector hands it to each. */
    public static final class Environment {
        final TransportService transportService;
        final ClusterService clusterService;
        final ThreadPool threadPool;
        final ActionFilters actionFilters;
        final CcrServices ccr;

        @Inject
        public Environment(
            TransportService transportService,
            ClusterService clusterService,
            ThreadPool threadPool,
            ActionFilters actionFilters,
            CcrServices ccr
        ) {
            this.transportService = transportService;
            this.clusterService = clusterService;
            this.threadPool = threadPool;
            this.actionFilters = actionFilters;
            this.ccr = ccr;
        }
    }

    protected final CcrServices ccr;
    private final ClusterBlockLevel blockLevel;

    protected CcrMasterAction(
        String name,
        Environment environment,
        Writeable.Reader<Request> request,
        Writeable.Reader<Response> response,
        ClusterBlockLevel blockLevel
    ) {
        super(
            name,
            environment.transportService,
            environment.clusterService,
            environment.threadPool,
            environment.actionFilters,
            request,
            response,
            environment.threadPool.generic()
        );
        this.ccr = environment.ccr;
        this.blockLevel = blockLevel;
    }

    @Override
    protected final void masterOperation(Task task, Request request, ClusterState state, ActionListener<Response> listener) throws Exception {
        masterOperation(request, state, listener);
    }

    protected abstract void masterOperation(Request request, ClusterState state, ActionListener<Response> listener) throws Exception;

    @Override
    protected ClusterBlockException checkBlock(Request request, ClusterState state) {
        String index = followerOf(request);
        return index == null
            ? state.blocks().globalBlockedException(blockLevel)
            : state.blocks().indexBlockedException(ProjectId.DEFAULT, blockLevel, index);
    }

    /** The follower that the request is about, whose blocks count; null for none. */
    protected String followerOf(Request request) {
        return null;
    }

    /** Of the user of the request at hand, to act on their behalf later. */
    protected final Map<String, String> headersToKeep() {
        return ClientHelper.getPersistableSafeSecurityHeaders(threadPool.getThreadContext(), clusterService.state());
    }

    protected static void requireLicence() {
        if (CcrConstants.CCR_FEATURE.check(XPackPlugin.getSharedLicenseState()) == false) {
            throw LicenseUtils.newComplianceException("ccr");
        }
    }

    protected final void updateState(String what, UnaryOperator<ClusterState> change, ActionListener<Void> listener) {
        updateState(clusterService, what, change, listener);
    }

    static void updateState(
        ClusterService clusterService,
        String what,
        UnaryOperator<ClusterState> change,
        ActionListener<Void> listener
    ) {
        clusterService.submitUnbatchedStateUpdateTask("lab_ccr: " + what, new ClusterStateUpdateTask(CcrClient.MASTER_TIMEOUT) {
            @Override
            public ClusterState execute(ClusterState state) {
                return change.apply(state);
            }

            @Override
            public void onFailure(Exception e) {
                listener.onFailure(e);
            }

            @Override
            public void clusterStateProcessed(ClusterState oldState, ClusterState newState) {
                listener.onResponse(null);
            }
        });
    }
}
