package esfailover.lab.ccr;

import org.elasticsearch.ElasticsearchException;
import org.elasticsearch.ExceptionsHelper;
import org.elasticsearch.core.Tuple;
import org.elasticsearch.index.seqno.SeqNoStats;
import org.elasticsearch.xpack.core.ccr.ShardFollowNodeTaskStatus;
import org.elasticsearch.xpack.core.ccr.action.ShardFollowTask;

import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** What a shard task has done and knows: the numbers of {@code _ccr/stats}. */
final class FollowProgress {
    private static final long UNKNOWN = -1;

    private final ShardFollowTask task;

    /** Of the leader: as last heard from it. */
    private long leaderGlobalCheckpoint = UNKNOWN;
    private long leaderMaxSeqNo = UNKNOWN;
    private long followerGlobalCheckpoint = UNKNOWN;
    private long followerMaxSeqNo = UNKNOWN;
    private long lastRequestedSeqNo = UNKNOWN;

    private LeaderVersions versions = LeaderVersions.NONE;

    private long lastReadNanos;
    private boolean hasRead;
    private int outstandingReads;
    private long readMillis;
    private long readMillisAtLeader;
    private long successfulReads;
    private long failedReads;
    private long operationsRead;
    private long bytesRead;
    /** By the first sequence number that was asked for: number of tries and the last failure. */
    private final NavigableMap<Long, Tuple<Integer, ElasticsearchException>> readExceptions = new TreeMap<>();

    private int outstandingWrites;
    private int bufferedOperations;
    private long bufferedBytes;
    private long writeMillis;
    private long successfulWrites;
    private long failedWrites;
    private long operationsWritten;

    private int failuresInRow;
    private ElasticsearchException fatal;

    FollowProgress(ShardFollowTask task) {
        this.task = task;
    }

    static ElasticsearchException asElasticsearchException(Exception e) {
        Throwable cause = ExceptionsHelper.unwrapCause(e);
        return cause instanceof ElasticsearchException known ? known : new ElasticsearchException(cause);
    }

    /** The follower's own position is all that is known until the leader answers: the lag looks like none. */
    synchronized void startsAt(SeqNoStats follower) {
        followerGlobalCheckpoint = follower.getGlobalCheckpoint();
        followerMaxSeqNo = follower.getMaxSeqNo();
        leaderGlobalCheckpoint = Math.max(leaderGlobalCheckpoint, followerGlobalCheckpoint);
        leaderMaxSeqNo = Math.max(leaderMaxSeqNo, followerMaxSeqNo);
        failuresInRow = 0;
    }

    synchronized void readStarts() {
        outstandingReads = 1;
        lastReadNanos = System.nanoTime();
        hasRead = true;
        lastRequestedSeqNo = Math.max(lastRequestedSeqNo, leaderGlobalCheckpoint);
    }

    synchronized void readSucceeds(long fromSeqNo, ShardChangesAction.Response response) {
        outstandingReads = 0;
        successfulReads++;
        readMillis += millisSince(lastReadNanos);
        readMillisAtLeader += response.tookMillis;
        operationsRead += response.batch.operations().size();
        bytesRead += response.batch.sizeInBytes();
        lastRequestedSeqNo = Math.max(lastRequestedSeqNo, response.batch.toSeqNo());
        leaderGlobalCheckpoint = Math.max(leaderGlobalCheckpoint, response.globalCheckpoint);
        leaderMaxSeqNo = Math.max(leaderMaxSeqNo, response.maxSeqNo);
        readExceptions.remove(fromSeqNo);
        failuresInRow = 0;
    }

    synchronized void readFails(long fromSeqNo, Exception e) {
        outstandingReads = 0;
        failedReads++;
        readMillis += millisSince(lastReadNanos);
        failuresInRow++;
        readExceptions.put(fromSeqNo, Tuple.tuple(failuresInRow, asElasticsearchException(e)));
    }

    synchronized void writeStarts(ShardChangesAction.Batch batch) {
        outstandingWrites = 1;
        bufferedOperations = batch.operations().size();
        bufferedBytes = batch.sizeInBytes();
    }

    synchronized void writeSucceeds(ShardChangesAction.Batch batch, long startNanos, ShardOperationsAction.Response follower) {
        outstandingWrites = 0;
        bufferedOperations = 0;
        bufferedBytes = 0;
        successfulWrites++;
        operationsWritten += batch.operations().size();
        writeMillis += millisSince(startNanos);
        followerGlobalCheckpoint = follower.globalCheckpoint();
        followerMaxSeqNo = follower.maxSeqNo();
        failuresInRow = 0;
    }

    synchronized void writeFails(long startNanos) {
        outstandingWrites = 0;
        failedWrites++;
        writeMillis += millisSince(startNanos);
        failuresInRow++;
    }

    /** Any other failure that passes. */
    synchronized void tryFails() {
        failuresInRow++;
    }

    synchronized int failuresInRow() {
        return failuresInRow;
    }

    synchronized void metadataReached(LeaderVersions reached) {
        versions = reached;
    }

    synchronized LeaderVersions versions() {
        return versions;
    }

    /** False when the task has stopped for good before. */
    synchronized boolean stopForGood(Exception e) {
        if (fatal != null) {
            return false;
        }
        fatal = asElasticsearchException(e);
        return true;
    }

    synchronized boolean hasStoppedForGood() {
        return fatal != null;
    }

    synchronized long followerGlobalCheckpoint() {
        return followerGlobalCheckpoint;
    }

    synchronized ShardFollowNodeTaskStatus status() {
        return new ShardFollowNodeTaskStatus(
            task.getRemoteCluster(),
            task.getLeaderShardId().getIndexName(),
            task.getFollowShardId().getIndexName(),
            task.getFollowShardId().id(),
            leaderGlobalCheckpoint,
            leaderMaxSeqNo,
            followerGlobalCheckpoint,
            followerMaxSeqNo,
            lastRequestedSeqNo,
            outstandingReads,
            outstandingWrites,
            bufferedOperations,
            bufferedBytes,
            versions.mapping(),
            versions.settings(),
            versions.aliases(),
            readMillis,
            readMillisAtLeader,
            successfulReads,
            failedReads,
            operationsRead,
            bytesRead,
            writeMillis,
            successfulWrites,
            failedWrites,
            operationsWritten,
            new TreeMap<>(readExceptions),
            hasRead ? millisSince(lastReadNanos) : UNKNOWN,
            fatal
        );
    }

    private static long millisSince(long startNanos) {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos);
    }
}
