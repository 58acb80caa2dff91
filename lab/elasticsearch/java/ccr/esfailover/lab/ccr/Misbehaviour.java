package esfailover.lab.ccr;

import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.common.settings.Settings;

import java.util.List;
import java.util.Locale;

/**
 * Failures of the real module that tests ask for. The dynamic cluster setting {@code lab_ccr.misbehave.<kind>} holds patterns of the
 * follower indices that misbehave.
 */
enum Misbehaviour {
    /** The shard tasks stop with a fatal exception. */
    FATAL,
    /** Reads from the leader fail and are retried. */
    READ_FAILS,
    /** Nothing is read any more, and nothing tells of it. */
    STALLS,
    /** pause_follow never answers and pauses nothing. */
    PAUSE_HANGS,
    /** unfollow never answers and converts nothing. */
    UNFOLLOW_HANGS,
    /** unfollow converts the index and then fails to remove the retention leases. */
    LEASE_REMOVAL_FAILS;

    private static final String PREFIX = "lab_ccr.misbehave.";
    static final Setting<Settings> SETTING = Setting.groupSetting(PREFIX, Misbehaviour::validate, Setting.Property.NodeScope, Setting.Property.Dynamic);

    private String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    boolean isAskedFor(ClusterState state, String followerName) {
        List<String> patterns = state.metadata().settings().getAsList(PREFIX + key());
        return patterns.isEmpty() == false && Regex.simpleMatch(patterns, followerName);
    }

    static boolean isAnyAskedFor(ClusterState state) {
        return state.metadata().settings().keySet().stream().anyMatch(key -> key.startsWith(PREFIX));
    }

    private static void validate(Settings group) {
        for (String kind : group.names()) {
            for (Misbehaviour known : values()) {
                if (known.key().equals(kind)) {
                    kind = null;
                    break;
                }
            }
            if (kind != null) {
                throw new IllegalArgumentException("unknown misbehaviour [" + PREFIX + kind + "]");
            }
        }
    }
}
