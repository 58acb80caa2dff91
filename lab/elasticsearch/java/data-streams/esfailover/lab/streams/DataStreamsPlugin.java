package esfailover.lab.streams;

import org.elasticsearch.action.datastreams.CreateDataStreamAction;
import org.elasticsearch.action.datastreams.DeleteDataStreamAction;
import org.elasticsearch.action.datastreams.GetDataStreamAction;
import org.elasticsearch.action.datastreams.ModifyDataStreamsAction;
import org.elasticsearch.action.datastreams.PromoteDataStreamAction;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.mapper.Mapper;
import org.elasticsearch.index.mapper.TextFieldMapper;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.MapperPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.RestHandler;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * The {@code _data_stream} API. What a data stream is, and what it refuses, is in the Elasticsearch server; only this API is in a module that
 * is not on Maven Central. Requests, answers and changes of the cluster's state are the server's own.
 */
public final class DataStreamsPlugin extends Plugin implements ActionPlugin, MapperPlugin {
    /** Failure stores have a field of this type, which is in mapper-extras, a module that is not on Maven Central either. */
    @Override
    public Map<String, Mapper.TypeParser> getMappers() {
        return Map.of("match_only_text", TextFieldMapper.PARSER);
    }

    @Override
    public Collection<ActionHandler> getActions() {
        return List.of(
            new ActionHandler(CreateDataStreamAction.INSTANCE, TransportCreateDataStreamAction.class),
            new ActionHandler(GetDataStreamAction.INSTANCE, TransportGetDataStreamsAction.class),
            new ActionHandler(DeleteDataStreamAction.INSTANCE, TransportDeleteDataStreamAction.class),
            new ActionHandler(ModifyDataStreamsAction.INSTANCE, TransportModifyDataStreamsAction.class),
            new ActionHandler(PromoteDataStreamAction.INSTANCE, TransportPromoteDataStreamAction.class)
        );
    }

    @Override
    public Collection<RestHandler> getRestHandlers(
        RestHandlersServices services,
        Supplier<DiscoveryNodes> nodesInCluster,
        Predicate<NodeFeature> clusterSupportsFeature
    ) {
        return DataStreamRestHandlers.all();
    }
}
