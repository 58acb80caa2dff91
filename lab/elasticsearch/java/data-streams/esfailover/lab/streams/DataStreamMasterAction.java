package esfailover.lab.streams;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.action.support.master.AcknowledgedTransportMasterNodeAction;
import org.elasticsearch.action.support.master.MasterNodeRequest;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ClusterStateUpdateTask;
import org.elasticsearch.cluster.block.ClusterBlockException;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.Priority;
import org.elasticsearch.common.io.stream.Writeable;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.TransportService;

import java.util.function.UnaryOperator;

/** A change of data streams, on the elected master. */
abstract class DataStreamMasterAction<Request extends MasterNodeRequest<Request>> extends AcknowledgedTransportMasterNodeAction<Request> {
    /** What the actions of a node share; Elasticsearch's injector hands it to each. */
    public static final class Environment {
        final TransportService transportService;
        final ClusterService clusterService;
        final ThreadPool threadPool;
        final ActionFilters actionFilters;

        @Inject
        public Environment(
            TransportService transportService,
            ClusterService clusterService,
            ThreadPool threadPool,
            ActionFilters actionFilters
        ) {
            this.transportService = transportService;
            this.clusterService = clusterService;
            this.threadPool = threadPool;
            this.actionFilters = actionFilters;
        }
    }

    protected DataStreamMasterAction(String name, Environment environment, Writeable.Reader<Request> request) {
        super(
            name,
            environment.transportService,
            environment.clusterService,
            environment.threadPool,
            environment.actionFilters,
            request,
            environment.threadPool.generic()
        );
    }

    @Override
    protected final void masterOperation(Task task, Request request, ClusterState state, ActionListener<AcknowledgedResponse> listener) {
        change(request, state, listener);
    }

    protected abstract void change(Request request, ClusterState state, ActionListener<AcknowledgedResponse> listener);

    @Override
    protected final ClusterBlockException checkBlock(Request request, ClusterState state) {
        return state.blocks().globalBlockedException(ClusterBlockLevel.METADATA_WRITE);
    }

    protected final void updateState(
        String what,
        Request request,
        UnaryOperator<ClusterState> change,
        ActionListener<AcknowledgedResponse> listener
    ) {
        clusterService.submitUnbatchedStateUpdateTask(what, new ClusterStateUpdateTask(Priority.HIGH, request.masterNodeTimeout()) {
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
                listener.onResponse(AcknowledgedResponse.TRUE);
            }
        });
    }
}
