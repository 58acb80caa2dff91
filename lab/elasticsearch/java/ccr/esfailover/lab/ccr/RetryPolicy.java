package esfailover.lab.ccr;

import org.apache.lucene.store.AlreadyClosedException;
import org.elasticsearch.ElasticsearchTimeoutException;
import org.elasticsearch.ExceptionsHelper;
import org.elasticsearch.cluster.block.ClusterBlockException;
import org.elasticsearch.common.Randomness;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.index.shard.IllegalIndexShardStateException;
import org.elasticsearch.index.shard.ShardNotFoundException;
import org.elasticsearch.indices.IndexClosedException;
import org.elasticsearch.node.NodeClosedException;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.tasks.TaskCancelledException;
import org.elasticsearch.transport.NoSeedNodeLeftException;
import org.elasticsearch.transport.NoSuchRemoteClusterException;
import org.elasticsearch.transport.TransportException;

import java.io.IOException;
import java.util.Set;

/** Which failures of a shard task pass by themselves, and how long to wait before the next try. */
final class RetryPolicy {
    private static final long FIRST_DELAY_MILLIS = 50;
    private static final int MOST_DOUBLINGS = 20;

    private static final Set<RestStatus> PASSING_STATUS = Set.of(
        RestStatus.SERVICE_UNAVAILABLE,
        RestStatus.TOO_MANY_REQUESTS,
        RestStatus.GATEWAY_TIMEOUT
    );

    private static final Set<Class<? extends Exception>> PASSING = Set.of(
        TransportException.class,
        NoSuchRemoteClusterException.class,
        NoSeedNodeLeftException.class,
        ClusterBlockException.class,
        NodeClosedException.class,
        IllegalIndexShardStateException.class,
        ShardNotFoundException.class,
        IndexClosedException.class,
        AlreadyClosedException.class,
        ElasticsearchTimeoutException.class,
        IOException.class
    );

    private RetryPolicy() {}

    /** Outages of either side end some day. Anything else (no such index, no right, lost or other history) needs a person. */
    static boolean isPassing(Exception e) {
        Throwable cause = ExceptionsHelper.unwrapCause(e);
        if (cause instanceof TaskCancelledException) {
            return false;
        }
        return PASSING_STATUS.contains(ExceptionsHelper.status(cause)) || PASSING.stream().anyMatch(type -> type.isInstance(cause));
    }

    /** Grows with the number of failures in a row up to the limit, and varies, so that many shards do not try at once. */
    static TimeValue delay(int failuresInRow, TimeValue limit) {
        long longest = FIRST_DELAY_MILLIS << Math.clamp(failuresInRow - 1, 0, MOST_DOUBLINGS);
        return TimeValue.timeValueMillis(Math.clamp(Randomness.get().nextLong(longest + 1), 1, limit.millis()));
    }
}
