package esfailover.lab.streams;

import org.elasticsearch.action.datastreams.CreateDataStreamAction;
import org.elasticsearch.action.datastreams.DeleteDataStreamAction;
import org.elasticsearch.action.datastreams.GetDataStreamAction;
import org.elasticsearch.action.datastreams.ModifyDataStreamsAction;
import org.elasticsearch.action.datastreams.PromoteDataStreamAction;
import org.elasticsearch.action.support.IndicesOptions;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.common.Strings;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestUtils;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.xcontent.XContentParser;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

import static org.elasticsearch.rest.RestRequest.Method.DELETE;
import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.POST;
import static org.elasticsearch.rest.RestRequest.Method.PUT;

/** The REST API: every route becomes one action of the server. */
final class DataStreamRestHandlers {
    private DataStreamRestHandlers() {}

    /** Reads the request, and returns what sends the answer. */
    private interface Call {
        Consumer<RestChannel> prepare(RestRequest request, NodeClient client) throws IOException;
    }

    private static RestHandler handler(String name, RestRequest.Method method, Call call, String... paths) {
        return new BaseRestHandler() {
            @Override
            public String getName() {
                return "lab_data_stream_" + name;
            }

            @Override
            public List<Route> routes() {
                return Arrays.stream(paths).map(path -> new Route(method, path)).toList();
            }

            @Override
            protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) throws IOException {
                return call.prepare(request, client)::accept;
            }
        };
    }

    static List<RestHandler> all() {
        return List.of(
            handler("create", PUT, DataStreamRestHandlers::create, "/_data_stream/{name}"),
            handler("get", GET, DataStreamRestHandlers::get, "/_data_stream", "/_data_stream/{name}"),
            handler("delete", DELETE, DataStreamRestHandlers::delete, "/_data_stream/{name}"),
            handler("modify", POST, DataStreamRestHandlers::modify, "/_data_stream/_modify"),
            handler("promote", POST, DataStreamRestHandlers::promote, "/_data_stream/_promote/{name}")
        );
    }

    private static Consumer<RestChannel> create(RestRequest rest, NodeClient client) {
        CreateDataStreamAction.Request request = new CreateDataStreamAction.Request(
            masterTimeout(rest),
            RestUtils.getAckTimeout(rest),
            rest.param("name")
        );
        return channel -> client.execute(CreateDataStreamAction.INSTANCE, request, new RestToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> get(RestRequest rest, NodeClient client) {
        GetDataStreamAction.Request request = new GetDataStreamAction.Request(masterTimeout(rest), names(rest));
        request.includeDefaults(rest.paramAsBoolean("include_defaults", false));
        request.indicesOptions(IndicesOptions.fromRequest(rest, request.indicesOptions()));
        return channel -> client.execute(GetDataStreamAction.INSTANCE, request, new RestToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> delete(RestRequest rest, NodeClient client) {
        DeleteDataStreamAction.Request request = new DeleteDataStreamAction.Request(masterTimeout(rest), names(rest));
        request.indicesOptions(IndicesOptions.fromRequest(rest, request.indicesOptions()));
        return channel -> client.execute(DeleteDataStreamAction.INSTANCE, request, new RestToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> modify(RestRequest rest, NodeClient client) throws IOException {
        TimeValue masterTimeout = masterTimeout(rest);
        TimeValue ackTimeout = RestUtils.getAckTimeout(rest);
        ModifyDataStreamsAction.Request request;
        try (XContentParser parser = rest.contentParser()) {
            request = ModifyDataStreamsAction.Request.PARSER.parse(
                parser,
                actions -> new ModifyDataStreamsAction.Request(masterTimeout, ackTimeout, actions)
            );
        }
        return channel -> client.execute(ModifyDataStreamsAction.INSTANCE, request, new RestToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> promote(RestRequest rest, NodeClient client) {
        PromoteDataStreamAction.Request request = new PromoteDataStreamAction.Request(masterTimeout(rest), rest.param("name"));
        return channel -> client.execute(PromoteDataStreamAction.INSTANCE, request, new RestToXContentListener<>(channel));
    }

    private static String[] names(RestRequest rest) {
        return Strings.splitStringByCommaToArray(rest.param("name"));
    }

    private static TimeValue masterTimeout(RestRequest rest) {
        return RestUtils.getMasterNodeTimeout(rest);
    }
}
