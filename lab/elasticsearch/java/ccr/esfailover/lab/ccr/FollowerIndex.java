package esfailover.lab.ccr;

import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.index.IndexNotFoundException;
import org.elasticsearch.index.shard.ShardId;
import org.elasticsearch.persistent.PersistentTasksCustomMetadata;
import org.elasticsearch.persistent.PersistentTasksCustomMetadata.PersistentTask;
import org.elasticsearch.xpack.core.ccr.action.ShardFollowTask;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What makes an index a follower: a marker setting, custom metadata that names its leader, and one persistent task per shard while it is
 * not paused.
 */
final class FollowerIndex {
    static final Setting<Boolean> FOLLOWING_SETTING = Setting.boolSetting(
        "index.xpack.ccr.following_index",
        false,
        Setting.Property.IndexScope,
        Setting.Property.InternalIndex
    );
    private static final String CUSTOM_METADATA = "ccr";

    private final IndexMetadata metadata;
    private final Map<String, String> custom;

    private FollowerIndex(IndexMetadata metadata) {
        this.metadata = metadata;
        this.custom = metadata.getCustomData(CUSTOM_METADATA);
    }

    static boolean isFollower(IndexMetadata metadata) {
        return FOLLOWING_SETTING.get(metadata.getSettings()) && metadata.getCustomData(CUSTOM_METADATA) != null;
    }

    static FollowerIndex of(IndexMetadata metadata) {
        if (isFollower(metadata) == false) {
            throw new IllegalArgumentException("follow index [" + metadata.getIndex().getName() + "] does not have ccr metadata");
        }
        return new FollowerIndex(metadata);
    }

    /** Fails with 404 where there is no such index and with 400 where it is no follower. */
    static FollowerIndex named(ProjectMetadata project, String name) {
        return of(existing(project, name));
    }

    static IndexMetadata existing(ProjectMetadata project, String name) {
        IndexMetadata metadata = project.index(name);
        if (metadata == null) {
            throw new IndexNotFoundException(name);
        }
        return metadata;
    }

    static ProjectMetadata project(ClusterState state) {
        return state.metadata().getProject(ProjectId.DEFAULT);
    }

    /**
     * Writes down the leader when a follower is created.
     *
     * @param historyUuids of the leader's shards, by shard number
     */
    static void writeLeader(IndexMetadata.Builder follower, String remoteCluster, IndexMetadata leader, List<String> historyUuids) {
        Map<String, String> custom = new HashMap<>();
        custom.put("remote_cluster_name", remoteCluster);
        custom.put("leader_index_name", leader.getIndex().getName());
        custom.put("leader_index_uuid", leader.getIndexUUID());
        for (int shard = 0; shard < historyUuids.size(); shard++) {
            custom.put("leader_history_uuid." + shard, historyUuids.get(shard));
        }
        follower.putCustom(CUSTOM_METADATA, custom);
    }

    static void removeLeader(IndexMetadata.Builder follower) {
        follower.removeCustom(CUSTOM_METADATA);
    }

    IndexMetadata metadata() {
        return metadata;
    }

    String name() {
        return metadata.getIndex().getName();
    }

    String remoteCluster() {
        return custom.get("remote_cluster_name");
    }

    String leaderName() {
        return custom.get("leader_index_name");
    }

    String leaderUuid() {
        return custom.get("leader_index_uuid");
    }

    ShardId leaderShard(int shard) {
        return new ShardId(leaderName(), leaderUuid(), shard);
    }

    String leaderHistoryUuid(int shard) {
        return custom.get("leader_history_uuid." + shard);
    }

    String taskId(int shard) {
        return metadata.getIndexUUID() + "-" + shard;
    }

    /** Name of the retention lease that this follower holds on each shard of its leader. */
    String leaseId(String followerCluster) {
        return leaseId(followerCluster, name(), metadata.getIndexUUID(), remoteCluster(), leaderName(), leaderUuid());
    }

    /** The form that the documentation of forget_follower describes. */
    static String leaseId(
        String followerCluster,
        String followerName,
        String followerUuid,
        String remoteCluster,
        String leaderName,
        String leaderUuid
    ) {
        String follower = followerCluster + "/" + followerName + "/" + followerUuid;
        return follower + "-following-" + remoteCluster + "/" + leaderName + "/" + leaderUuid;
    }

    /** All shard-follow tasks of the cluster. */
    @SuppressWarnings("unchecked")
    static List<PersistentTask<ShardFollowTask>> tasks(ProjectMetadata project) {
        PersistentTasksCustomMetadata tasks = PersistentTasksCustomMetadata.get(project);
        if (tasks == null) {
            return List.of();
        }
        return tasks.taskMap()
            .values()
            .stream()
            .filter(task -> ShardFollowTask.NAME.equals(task.getTaskName()))
            .map(task -> (PersistentTask<ShardFollowTask>) task)
            .toList();
    }

    /** Empty while the index is paused. */
    static List<PersistentTask<ShardFollowTask>> tasks(ProjectMetadata project, String followerName) {
        return tasks(project).stream()
            .filter(task -> task.getParams().getFollowShardId().getIndexName().equals(followerName))
            .toList();
    }
}
