package esfailover.lab.ccr;

import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.common.settings.Settings;

import java.util.List;
import java.util.Set;

/** Which settings of a leader its follower takes over later on. It begins with all of them: index blocks, too. */
final class LeaderSettings {
    /** Identity and life of the one index. */
    private static final Set<String> OF_ONE_INDEX = Set.of(
        "index.uuid",
        "index.creation_date",
        "index.provided_name",
        "index.history.uuid",
        "index.verified_before_close",
        "index.verified_read_only",
        FollowerIndex.FOLLOWING_SETTING.getKey()
    );
    private static final List<String> OF_ONE_INDEX_PREFIXES = List.of(
        "index.version.",
        "index.blocks.",
        "index.routing.",
        "index.resize.",
        "index.lifecycle.",
        "index.xpack.ccr."
    );
    /** Taken over when the follower is created, each side's own business afterwards. */
    private static final Set<String> OF_ONE_SIDE = Set.of(
        "index.number_of_replicas",
        "index.auto_expand_replicas",
        "index.refresh_interval",
        "index.priority",
        "index.hidden",
        "index.default_pipeline",
        "index.final_pipeline"
    );
    private static final List<String> OF_ONE_SIDE_PREFIXES = List.of(
        "index.allocation.",
        "index.unassigned.",
        "index.translog.",
        "index.merge.",
        "index.search.",
        "index.indexing.slowlog.",
        "index.store."
    );

    private LeaderSettings() {}

    private static Settings withoutOwn(Settings settings) {
        return settings.filter(key -> OF_ONE_INDEX.contains(key) == false && startsWithAny(key, OF_ONE_INDEX_PREFIXES) == false);
    }

    /** What a follower must change to have its leader's settings again; null values remove. Empty when nothing. */
    static Settings changes(Settings leader, Settings follower, IndexScopedSettings known) {
        Settings wanted = withoutOwn(leader).filter(key -> isKeptEqual(key, known));
        Settings present = withoutOwn(follower).filter(key -> isKeptEqual(key, known));
        Settings.Builder changes = Settings.builder();
        for (String key : wanted.keySet()) {
            if (wanted.get(key).equals(present.get(key)) == false) {
                changes.copy(key, wanted);
            }
        }
        for (String key : present.keySet()) {
            if (wanted.keySet().contains(key) == false) {
                changes.putNull(key);
            }
        }
        return changes.build();
    }

    private static boolean isKeptEqual(String key, IndexScopedSettings known) {
        Setting<?> setting = known.get(key);
        boolean isPrivate = known.isPrivateSetting(key) || (setting != null && (setting.isPrivateIndex() || setting.isInternalIndex()));
        boolean isUpdatable = isPrivate == false && known.isFinalSetting(key) == false;
        return isUpdatable && OF_ONE_SIDE.contains(key) == false && startsWithAny(key, OF_ONE_SIDE_PREFIXES) == false;
    }

    private static boolean startsWithAny(String key, List<String> prefixes) {
        return prefixes.stream().anyMatch(key::startsWith);
    }
}
