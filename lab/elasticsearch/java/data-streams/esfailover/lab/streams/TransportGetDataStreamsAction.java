package esfailover.lab.streams;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.datastreams.DataStreamsActionUtil;
import org.elasticsearch.action.datastreams.GetDataStreamAction;
import org.elasticsearch.action.datastreams.GetDataStreamAction.Response.DataStreamInfo;
import org.elasticsearch.action.datastreams.GetDataStreamAction.Response.IndexProperties;
import org.elasticsearch.action.datastreams.GetDataStreamAction.Response.ManagedBy;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.local.TransportLocalClusterStateAction;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.block.ClusterBlockException;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.cluster.health.ClusterStateHealth;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.DataStreamFailureStoreSettings;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.MetadataIndexTemplateService;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.index.Index;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.TransportService;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** {@code GET /_data_stream/{name}}. The lab has neither ILM nor lifecycles of data streams: all are unmanaged. */
public final class TransportGetDataStreamsAction extends TransportLocalClusterStateAction<
    GetDataStreamAction.Request,
    GetDataStreamAction.Response> {
    private static final IndexProperties UNMANAGED = new IndexProperties(true, null, ManagedBy.UNMANAGED, null);

    private final IndexNameExpressionResolver resolver;
    private final DataStreamFailureStoreSettings failureStores;

    @Inject
    public TransportGetDataStreamsAction(
        TransportService transportService,
        ClusterService clusterService,
        ThreadPool threadPool,
        ActionFilters actionFilters,
        IndexNameExpressionResolver resolver,
        DataStreamFailureStoreSettings failureStores
    ) {
        super(GetDataStreamAction.NAME, actionFilters, transportService.getTaskManager(), clusterService, threadPool.generic());
        this.resolver = resolver;
        this.failureStores = failureStores;
    }

    @Override
    protected ClusterBlockException checkBlock(GetDataStreamAction.Request request, ClusterState state) {
        return state.blocks().globalBlockedException(ClusterBlockLevel.METADATA_READ);
    }

    @Override
    protected void localClusterStateOperation(
        Task task,
        GetDataStreamAction.Request request,
        ClusterState state,
        ActionListener<GetDataStreamAction.Response> listener
    ) {
        ProjectMetadata project = state.metadata().getProject(ProjectId.DEFAULT);
        List<DataStreamInfo> streams = DataStreamsActionUtil.getDataStreamNames(
            resolver,
            project,
            request.getNames(),
            request.indicesOptions()
        ).stream().sorted().map(name -> info(project.dataStreams().get(name), project, state)).toList();
        listener.onResponse(new GetDataStreamAction.Response(streams));
    }

    private DataStreamInfo info(DataStream stream, ProjectMetadata project, ClusterState state) {
        Map<Index, IndexProperties> properties = new HashMap<>();
        Stream.concat(stream.getIndices().stream(), stream.getFailureIndices().stream()).forEach(index -> properties.put(index, UNMANAGED));
        String[] names = stream.getIndices().stream().map(Index::getName).toArray(String[]::new);
        return new DataStreamInfo(
            stream,
            stream.isFailureStoreEffectivelyEnabled(failureStores),
            new ClusterStateHealth(state, names, ProjectId.DEFAULT).getStatus(),
            MetadataIndexTemplateService.findV2Template(project, stream.getName(), false),
            null,
            null,
            properties,
            true,
            null,
            null
        );
    }
}
