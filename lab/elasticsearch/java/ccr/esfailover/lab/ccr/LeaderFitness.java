package esfailover.lab.ccr;

import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.IndexMetadata.State;
import org.elasticsearch.common.settings.Settings;

/** Whether a leader and a follower are fit for each other. */
final class LeaderFitness {
    private LeaderFitness() {}

    /** Before there is a follower. */
    static void checkLeader(IndexMetadata leader, Settings overrides) {
        String name = leader.getIndex().getName();
        if (leader.getSettings().getAsBoolean("index.soft_deletes.enabled", true) == false) {
            throw new IllegalArgumentException("leader index [" + name + "] does not have soft deletes enabled");
        }
        String shards = overrides.get(IndexMetadata.SETTING_NUMBER_OF_SHARDS);
        if (shards != null && shards.equals(Integer.toString(leader.getNumberOfShards())) == false) {
            throw new IllegalArgumentException(
                "can not put follower index that could override leader settings {\"index.number_of_shards\":\"" + shards + "\"}"
            );
        }
    }

    /** Before following starts, for the first time or again. */
    static void checkBoth(FollowerIndex follower, IndexMetadata leader) {
        if (leader.getIndexUUID().equals(follower.leaderUuid()) == false) {
            String message = "follow index [%s] should reference [%s] as leader index but instead reference [%s] as leader index";
            throw new IllegalArgumentException(message.formatted(follower.name(), leader.getIndexUUID(), follower.leaderUuid()));
        }
        if (leader.getState() != State.OPEN || follower.metadata().getState() != State.OPEN) {
            throw new IllegalArgumentException("leader and follow index must be open");
        }
    }
}
