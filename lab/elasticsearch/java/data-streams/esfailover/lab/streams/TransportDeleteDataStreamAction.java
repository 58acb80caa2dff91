package esfailover.lab.streams;

import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.datastreams.DataStreamsActionUtil;
import org.elasticsearch.action.datastreams.DeleteDataStreamAction;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.MetadataDataStreamsService;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.injection.guice.Inject;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;

/** {@code DELETE /_data_stream/{name}}: deletes its backing indices, too. */
public final class TransportDeleteDataStreamAction extends DataStreamMasterAction<DeleteDataStreamAction.Request> {
    private final IndexNameExpressionResolver resolver;

    @Inject
    public TransportDeleteDataStreamAction(Environment environment, IndexNameExpressionResolver resolver) {
        super(DeleteDataStreamAction.NAME, environment, DeleteDataStreamAction.Request::new);
        this.resolver = resolver;
    }

    @Override
    protected void change(DeleteDataStreamAction.Request request, ClusterState state, ActionListener<AcknowledgedResponse> listener) {
        String what = "delete data streams " + Arrays.toString(request.getNames());
        updateState(what, request, now -> without(request, now), listener);
    }

    private ClusterState without(DeleteDataStreamAction.Request request, ClusterState state) {
        ProjectMetadata project = state.metadata().getProject(ProjectId.DEFAULT);
        List<String> names = DataStreamsActionUtil.getDataStreamNames(resolver, project, request.getNames(), request.indicesOptions());
        if (names.isEmpty()) {
            if (request.isWildcardExpressionsOriginallySpecified()) {
                return state;
            }
            throw new ResourceNotFoundException("data streams " + Arrays.toString(request.getNames()) + " not found");
        }
        return MetadataDataStreamsService.deleteDataStreams(
            state.projectState(ProjectId.DEFAULT),
            new HashSet<>(names.stream().map(project.dataStreams()::get).toList()),
            clusterService.getSettings()
        );
    }
}
