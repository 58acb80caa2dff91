package esfailover.lab.ccr;

import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.ExceptionsHelper;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.transport.NoSeedNodeLeftException;
import org.elasticsearch.transport.TransportException;

/**
 * The real module begins with the licence of the leader's cluster: where that cluster cannot be reached, the refusal is about its licence,
 * and has the status of a bad request.
 */
final class LeaderUnreachable {
    private LeaderUnreachable() {}

    /** @param what of the leader's cluster is asked for */
    static <T> ActionListener<T> told(String what, String cluster, ActionListener<T> listener) {
        return listener.delegateResponse((l, e) -> l.onFailure(isCauseOf(e) ? refusal(what, cluster, e) : e));
    }

    private static boolean isCauseOf(Exception e) {
        Throwable cause = ExceptionsHelper.unwrapCause(e);
        return cause instanceof TransportException || cause instanceof NoSeedNodeLeftException;
    }

    private static ElasticsearchStatusException refusal(String what, String cluster, Exception cause) {
        return new ElasticsearchStatusException(
            "can not fetch remote {} as the license state of the remote cluster [{}] could not be determined",
            RestStatus.BAD_REQUEST,
            cause,
            what,
            cluster
        );
    }
}
