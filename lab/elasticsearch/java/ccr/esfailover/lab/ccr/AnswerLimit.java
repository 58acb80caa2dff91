package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ListenerTimeouts;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.threadpool.ThreadPool;

/** How long a first copy waits for each answer of the leader's cluster: a leader that is silent for longer has failed the copy. */
final class AnswerLimit {
    static final Setting<TimeValue> SETTING = Setting.positiveTimeSetting(
        "ccr.indices.recovery.internal_action_timeout",
        TimeValue.timeValueMinutes(1),
        Setting.Property.NodeScope,
        Setting.Property.Dynamic
    );

    private final ThreadPool threadPool;
    private volatile TimeValue limit;

    AnswerLimit(ClusterSettings settings, ThreadPool threadPool) {
        this.threadPool = threadPool;
        settings.initializeAndWatch(SETTING, value -> limit = value);
    }

    /** @param what names in the failure what did not come */
    <T> ActionListener<T> on(String what, ActionListener<T> listener) {
        return ListenerTimeouts.wrapWithTimeout(threadPool, listener, limit, threadPool.generic(), what);
    }
}
