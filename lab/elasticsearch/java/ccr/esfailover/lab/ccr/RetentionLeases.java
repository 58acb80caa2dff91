package esfailover.lab.ccr;

import org.elasticsearch.ExceptionsHelper;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionResponse;
import org.elasticsearch.index.seqno.RetentionLeaseActions;
import org.elasticsearch.index.seqno.RetentionLeaseAlreadyExistsException;
import org.elasticsearch.index.seqno.RetentionLeaseNotFoundException;
import org.elasticsearch.index.shard.ShardId;

/**
 * The leases by which followers make a leader shard keep its history for them. Taken, renewed and dropped as Elasticsearch itself: the
 * user's role on the leader needs no privilege for them.
 */
final class RetentionLeases {
    static final long RETAIN_ALL = RetentionLeaseActions.RETAIN_ALL;
    private static final String SOURCE = "ccr";

    private final CcrClient client;

    RetentionLeases(CcrClient client) {
        this.client = client;
    }

    /** Takes the lease where it is not there yet. */
    void take(String cluster, ShardId leader, String id, long retainFromSeqNo, ActionListener<Void> listener) {
        client.remoteAsSystem(
            cluster,
            RetentionLeaseActions.REMOTE_ADD,
            new RetentionLeaseActions.AddRequest(leader, id, retainFromSeqNo, SOURCE),
            ignoring(RetentionLeaseAlreadyExistsException.class, listener)
        );
    }

    /** Renews the lease; takes it again where it has run out. */
    void renew(String cluster, ShardId leader, String id, long retainFromSeqNo, ActionListener<Void> listener) {
        client.remoteAsSystem(
            cluster,
            RetentionLeaseActions.REMOTE_RENEW,
            new RetentionLeaseActions.RenewRequest(leader, id, retainFromSeqNo, SOURCE),
            ActionListener.wrap(renewed -> listener.onResponse(null), e -> {
                if (ExceptionsHelper.unwrapCause(e) instanceof RetentionLeaseNotFoundException) {
                    take(cluster, leader, id, retainFromSeqNo, listener);
                } else {
                    listener.onFailure(e);
                }
            })
        );
    }

    /** Drops the lease where there is one. */
    void drop(String cluster, ShardId leader, String id, ActionListener<Void> listener) {
        client.remoteAsSystem(
            cluster,
            RetentionLeaseActions.REMOTE_REMOVE,
            new RetentionLeaseActions.RemoveRequest(leader, id),
            ignoring(RetentionLeaseNotFoundException.class, listener)
        );
    }

    private static ActionListener<ActionResponse.Empty> ignoring(Class<? extends Exception> expected, ActionListener<Void> listener) {
        return ActionListener.wrap(done -> listener.onResponse(null), e -> {
            if (expected.isInstance(ExceptionsHelper.unwrapCause(e))) {
                listener.onResponse(null);
            } else {
                listener.onFailure(e);
            }
        });
    }
}
