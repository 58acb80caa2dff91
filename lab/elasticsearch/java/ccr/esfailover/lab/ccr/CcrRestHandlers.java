package esfailover.lab.ccr;

import org.elasticsearch.action.support.ActiveShardCount;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.common.Strings;
import org.elasticsearch.core.CheckedFunction;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestUtils;
import org.elasticsearch.rest.action.RestChunkedToXContentListener;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xpack.core.ccr.action.ActivateAutoFollowPatternAction;
import org.elasticsearch.xpack.core.ccr.action.CcrStatsAction;
import org.elasticsearch.xpack.core.ccr.action.DeleteAutoFollowPatternAction;
import org.elasticsearch.xpack.core.ccr.action.FollowInfoAction;
import org.elasticsearch.xpack.core.ccr.action.FollowStatsAction;
import org.elasticsearch.xpack.core.ccr.action.ForgetFollowerAction;
import org.elasticsearch.xpack.core.ccr.action.GetAutoFollowPatternAction;
import org.elasticsearch.xpack.core.ccr.action.PauseFollowAction;
import org.elasticsearch.xpack.core.ccr.action.PutAutoFollowPatternAction;
import org.elasticsearch.xpack.core.ccr.action.PutFollowAction;
import org.elasticsearch.xpack.core.ccr.action.ResumeFollowAction;
import org.elasticsearch.xpack.core.ccr.action.UnfollowAction;

import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;

import static org.elasticsearch.rest.RestRequest.Method.DELETE;
import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.POST;
import static org.elasticsearch.rest.RestRequest.Method.PUT;

/** The REST API: every route becomes one action. Requests and answers are parsed and rendered by x-pack-core's own classes. */
final class CcrRestHandlers {
    private CcrRestHandlers() {}

    /** Reads the request, and returns what sends the answer. */
    private interface Call {
        Consumer<RestChannel> prepare(RestRequest request, NodeClient client) throws IOException;
    }

    private static RestHandler handler(String name, RestRequest.Method method, String path, Call call) {
        return new BaseRestHandler() {
            @Override
            public String getName() {
                return "lab_ccr_" + name;
            }

            @Override
            public List<Route> routes() {
                return List.of(new Route(method, path));
            }

            @Override
            protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) throws IOException {
                return call.prepare(request, client)::accept;
            }
        };
    }

    static List<RestHandler> all() {
        return List.of(
            handler("follow", PUT, "/{index}/_ccr/follow", CcrRestHandlers::follow),
            handler("pause_follow", POST, "/{index}/_ccr/pause_follow", CcrRestHandlers::pauseFollow),
            handler("resume_follow", POST, "/{index}/_ccr/resume_follow", CcrRestHandlers::resumeFollow),
            handler("unfollow", POST, "/{index}/_ccr/unfollow", CcrRestHandlers::unfollow),
            handler("forget_follower", POST, "/{index}/_ccr/forget_follower", CcrRestHandlers::forgetFollower),
            handler("info", GET, "/{index}/_ccr/info", CcrRestHandlers::info),
            handler("index_stats", GET, "/{index}/_ccr/stats", CcrRestHandlers::indexStats),
            handler("stats", GET, "/_ccr/stats", CcrRestHandlers::stats),
            handler("put_auto_follow_pattern", PUT, "/_ccr/auto_follow/{name}", CcrRestHandlers::putPattern),
            handler("get_auto_follow_pattern", GET, "/_ccr/auto_follow/{name}", CcrRestHandlers::getPatterns),
            handler("get_auto_follow_patterns", GET, "/_ccr/auto_follow", CcrRestHandlers::getPatterns),
            handler("delete_auto_follow_pattern", DELETE, "/_ccr/auto_follow/{name}", CcrRestHandlers::deletePattern),
            handler("pause_auto_follow_pattern", POST, "/_ccr/auto_follow/{name}/pause", (r, c) -> activatePattern(r, c, false)),
            handler("resume_auto_follow_pattern", POST, "/_ccr/auto_follow/{name}/resume", (r, c) -> activatePattern(r, c, true))
        );
    }

    private static Consumer<RestChannel> follow(RestRequest rest, NodeClient client) throws IOException {
        PutFollowAction.Request request = body(
            rest,
            parser -> PutFollowAction.Request.fromXContent(masterTimeout(rest), ackTimeout(rest), parser)
        );
        request.waitForActiveShards(ActiveShardCount.parseString(rest.param("wait_for_active_shards", "0")));
        request.setFollowerIndex(rest.param("index"));
        return channel -> client.execute(PutFollowAction.INSTANCE, request, new RestToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> pauseFollow(RestRequest rest, NodeClient client) {
        PauseFollowAction.Request request = new PauseFollowAction.Request(masterTimeout(rest), rest.param("index"));
        return channel -> client.execute(PauseFollowAction.INSTANCE, request, new RestToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> resumeFollow(RestRequest rest, NodeClient client) throws IOException {
        String index = rest.param("index");
        ResumeFollowAction.Request request;
        if (rest.hasContentOrSourceParam()) {
            request = body(rest, parser -> ResumeFollowAction.Request.fromXContent(masterTimeout(rest), parser, index));
        } else {
            request = new ResumeFollowAction.Request(masterTimeout(rest));
            request.setFollowerIndex(index);
        }
        return channel -> client.execute(ResumeFollowAction.INSTANCE, request, new RestToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> unfollow(RestRequest rest, NodeClient client) {
        UnfollowAction.Request request = new UnfollowAction.Request(masterTimeout(rest), ackTimeout(rest), rest.param("index"));
        return channel -> client.execute(UnfollowAction.INSTANCE, request, new RestToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> forgetFollower(RestRequest rest, NodeClient client) throws IOException {
        String leader = rest.param("index");
        ForgetFollowerAction.Request request = body(rest, parser -> ForgetFollowerAction.Request.fromXContent(parser, leader));
        return channel -> client.execute(ForgetFollowerAction.INSTANCE, request, new RestToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> info(RestRequest rest, NodeClient client) {
        FollowInfoAction.Request request = new FollowInfoAction.Request(masterTimeout(rest));
        request.setFollowerIndices(Strings.splitStringByCommaToArray(rest.param("index")));
        return channel -> client.execute(FollowInfoAction.INSTANCE, request, new RestChunkedToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> indexStats(RestRequest rest, NodeClient client) {
        FollowStatsAction.StatsRequest request = new FollowStatsAction.StatsRequest();
        request.setIndices(Strings.splitStringByCommaToArray(rest.param("index")));
        if (rest.hasParam("timeout")) {
            request.setTimeout(rest.paramAsTime("timeout", null));
        }
        return channel -> client.execute(FollowStatsAction.INSTANCE, request, new RestChunkedToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> stats(RestRequest rest, NodeClient client) {
        CcrStatsAction.Request request = new CcrStatsAction.Request(masterTimeout(rest));
        if (rest.hasParam("timeout")) {
            request.setTimeout(rest.paramAsTime("timeout", null));
        }
        return channel -> client.execute(CcrStatsAction.INSTANCE, request, new RestChunkedToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> putPattern(RestRequest rest, NodeClient client) throws IOException {
        String name = rest.param("name");
        PutAutoFollowPatternAction.Request request = body(
            rest,
            parser -> PutAutoFollowPatternAction.Request.fromXContent(masterTimeout(rest), ackTimeout(rest), parser, name)
        );
        return channel -> client.execute(PutAutoFollowPatternAction.INSTANCE, request, new RestToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> getPatterns(RestRequest rest, NodeClient client) {
        GetAutoFollowPatternAction.Request request = new GetAutoFollowPatternAction.Request(masterTimeout(rest));
        request.setName(rest.param("name"));
        return channel -> client.execute(GetAutoFollowPatternAction.INSTANCE, request, new RestToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> deletePattern(RestRequest rest, NodeClient client) {
        DeleteAutoFollowPatternAction.Request request = new DeleteAutoFollowPatternAction.Request(
            masterTimeout(rest),
            ackTimeout(rest),
            rest.param("name")
        );
        return channel -> client.execute(DeleteAutoFollowPatternAction.INSTANCE, request, new RestToXContentListener<>(channel));
    }

    private static Consumer<RestChannel> activatePattern(RestRequest rest, NodeClient client, boolean active) {
        ActivateAutoFollowPatternAction.Request request = new ActivateAutoFollowPatternAction.Request(
            masterTimeout(rest),
            ackTimeout(rest),
            rest.param("name"),
            active
        );
        return channel -> client.execute(ActivateAutoFollowPatternAction.INSTANCE, request, new RestToXContentListener<>(channel));
    }

    private static TimeValue masterTimeout(RestRequest rest) {
        return RestUtils.getMasterNodeTimeout(rest);
    }

    private static TimeValue ackTimeout(RestRequest rest) {
        return RestUtils.getAckTimeout(rest);
    }

    private static <T> T body(RestRequest rest, CheckedFunction<XContentParser, T, IOException> parse) throws IOException {
        try (XContentParser parser = rest.contentOrSourceParamParser()) {
            return parse.apply(parser);
        }
    }
}
