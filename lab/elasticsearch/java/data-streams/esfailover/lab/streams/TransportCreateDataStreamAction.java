package esfailover.lab.streams;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.datastreams.CreateDataStreamAction;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.MetadataCreateDataStreamService;
import org.elasticsearch.cluster.metadata.MetadataCreateDataStreamService.CreateDataStreamClusterStateUpdateRequest;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.injection.guice.Inject;

/** {@code PUT /_data_stream/{name}}: needs a matching index template. */
public final class TransportCreateDataStreamAction extends DataStreamMasterAction<CreateDataStreamAction.Request> {
    private final MetadataCreateDataStreamService service;

    @Inject
    public TransportCreateDataStreamAction(Environment environment, MetadataCreateDataStreamService service) {
        super(CreateDataStreamAction.NAME, environment, CreateDataStreamAction.Request::new);
        this.service = service;
    }

    @Override
    protected void change(CreateDataStreamAction.Request request, ClusterState state, ActionListener<AcknowledgedResponse> listener) {
        service.createDataStream(
            new CreateDataStreamClusterStateUpdateRequest(
                ProjectId.DEFAULT,
                request.getName(),
                request.getStartTime(),
                null,
                request.masterNodeTimeout(),
                request.ackTimeout()
            ),
            listener
        );
    }
}
