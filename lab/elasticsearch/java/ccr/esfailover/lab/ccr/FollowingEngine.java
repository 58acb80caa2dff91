package esfailover.lab.ccr;

import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.index.engine.EngineConfig;
import org.elasticsearch.index.engine.InternalEngine;
import org.elasticsearch.index.seqno.SequenceNumbers;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.sourcebatch.SourceBatch;

import java.io.IOException;
import java.util.List;

/**
 * Engine of a follower shard. Even as the primary it takes only operations that carry the leader's sequence number, and treats them as a
 * replica would: the sequence number decides which operation on a document wins, and repeats do nothing.
 */
final class FollowingEngine extends InternalEngine {
    private static final String REFUSAL = "a following engine does not accept operations without an assigned sequence number";

    FollowingEngine(EngineConfig config) {
        super(config);
    }

    private static void requireSequenceNumber(Operation operation) {
        if (operation.seqNo() == SequenceNumbers.UNASSIGNED_SEQ_NO) {
            throw refusal();
        }
    }

    private static ElasticsearchStatusException refusal() {
        return new ElasticsearchStatusException(REFUSAL, RestStatus.FORBIDDEN);
    }

    @Override
    protected IndexingStrategy indexingStrategyForOperation(Index operation) throws IOException {
        requireSequenceNumber(operation);
        return planIndexingAsNonPrimary(operation);
    }

    @Override
    protected DeletionStrategy deletionStrategyForOperation(Delete operation) throws IOException {
        requireSequenceNumber(operation);
        return planDeletionAsNonPrimary(operation);
    }

    @Override
    public List<IndexResult> indexBatch(List<Index> operations, SourceBatch batch) throws IOException {
        operations.forEach(FollowingEngine::requireSequenceNumber);
        return super.indexBatch(operations, batch);
    }

    @Override
    protected long generateSeqNoForOperationOnPrimary(Operation operation) {
        advanceMaxSeqNo(operation.seqNo());
        return operation.seqNo();
    }

    @Override
    protected long doGenerateSeqNos(int count) {
        throw refusal();
    }

    /** The leader tells how far updates and deletes reach; see {@link ShardOperationsAction}. */
    @Override
    protected void advanceMaxSeqNoOfUpdatesOnPrimary(long seqNo) {}

    @Override
    protected void advanceMaxSeqNoOfDeletesOnPrimary(long seqNo) {}

    /** A gap is an operation that has not come from the leader yet: a new primary must not fill it. */
    @Override
    public int fillSeqNoGaps(long primaryTerm) {
        return 0;
    }

    @Override
    protected boolean assertPrimaryIncomingSequenceNumber(Operation.Origin origin, long seqNo) {
        return true;
    }

    @Override
    protected boolean assertNonPrimaryOrigin(Operation operation) {
        return true;
    }

    @Override
    protected boolean assertPrimaryCanOptimizeAddDocument(Index operation) {
        return true;
    }
}
