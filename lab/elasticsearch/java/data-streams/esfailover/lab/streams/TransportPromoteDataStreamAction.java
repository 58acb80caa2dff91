package esfailover.lab.streams;

import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.datastreams.PromoteDataStreamAction;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.MetadataIndexTemplateService;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.common.logging.HeaderWarning;
import org.elasticsearch.injection.guice.Inject;

/** {@code POST /_data_stream/_promote/{name}}: a replicated data stream becomes one of this cluster's own. Its indices stay as they are. */
public final class TransportPromoteDataStreamAction extends DataStreamMasterAction<PromoteDataStreamAction.Request> {
    @Inject
    public TransportPromoteDataStreamAction(Environment environment) {
        super(PromoteDataStreamAction.NAME, environment, PromoteDataStreamAction.Request::new);
    }

    @Override
    protected void change(PromoteDataStreamAction.Request request, ClusterState state, ActionListener<AcknowledgedResponse> listener) {
        updateState("promote data stream " + request.getName(), request, now -> promoted(request.getName(), now), listener);
    }

    private static ClusterState promoted(String name, ClusterState state) {
        ProjectMetadata project = state.metadata().getProject(ProjectId.DEFAULT);
        DataStream stream = project.dataStreams().get(name);
        if (stream == null) {
            throw new ResourceNotFoundException("data stream [" + name + "] does not exist");
        }
        if (MetadataIndexTemplateService.findV2Template(project, name, false) == null) {
            HeaderWarning.addWarning("data stream [" + name + "] matches no index template, and cannot be rolled over without one");
        }
        return state.copyAndUpdateProject(ProjectId.DEFAULT, builder -> builder.put(stream.promoteDataStream()));
    }
}
