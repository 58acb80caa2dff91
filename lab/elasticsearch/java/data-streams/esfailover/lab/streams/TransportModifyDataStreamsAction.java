package esfailover.lab.streams;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.datastreams.ModifyDataStreamsAction;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.MetadataDataStreamsService;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.injection.guice.Inject;

/** {@code POST /_data_stream/_modify}: adds and removes backing indices. */
public final class TransportModifyDataStreamsAction extends DataStreamMasterAction<ModifyDataStreamsAction.Request> {
    private final MetadataDataStreamsService service;

    @Inject
    public TransportModifyDataStreamsAction(Environment environment, MetadataDataStreamsService service) {
        super(ModifyDataStreamsAction.NAME, environment, ModifyDataStreamsAction.Request::new);
        this.service = service;
    }

    @Override
    protected void change(ModifyDataStreamsAction.Request request, ClusterState state, ActionListener<AcknowledgedResponse> listener) {
        if (request.getActions().isEmpty()) {
            listener.onResponse(AcknowledgedResponse.FALSE);
        } else {
            service.modifyDataStream(ProjectId.DEFAULT, request, listener);
        }
    }
}
