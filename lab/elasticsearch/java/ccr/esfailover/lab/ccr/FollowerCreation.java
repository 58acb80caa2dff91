package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.block.ClusterBlocks;
import org.elasticsearch.cluster.metadata.AliasMetadata;
import org.elasticsearch.cluster.metadata.IndexGraveyard;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.MetadataCreateIndexService;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.cluster.routing.RoutingTable;
import org.elasticsearch.cluster.routing.allocation.AllocationService;
import org.elasticsearch.common.UUIDs;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.indices.InvalidIndexNameException;
import org.elasticsearch.snapshots.SnapshotRestoreException;

import java.util.List;

/**
 * The change of the cluster state that makes a follower: as with the real module, where a follower is restored from its leader, no index
 * template has a say, and index, leader and aliases appear at once or not at all.
 */
final class FollowerCreation {
    private final String remoteCluster;
    private final String followerName;
    private final String followerUuid = UUIDs.randomBase64UUID();
    private final IndexMetadata leader;
    private final Settings overrides;
    private final List<String> leaderHistoryUuids;
    private final List<Long> leaderGlobalCheckpoints;

    FollowerCreation(
        String remoteCluster,
        String followerName,
        IndexMetadata leader,
        Settings overrides,
        List<String> leaderHistoryUuids,
        List<Long> leaderGlobalCheckpoints
    ) {
        this.remoteCluster = remoteCluster;
        this.followerName = followerName;
        this.leader = leader;
        this.overrides = overrides;
        this.leaderHistoryUuids = leaderHistoryUuids;
        this.leaderGlobalCheckpoints = leaderGlobalCheckpoints;
    }

    /** Whether this follower can be made of this leader; needs no cluster. */
    static void validateLeader(IndexMetadata leader, Settings overrides) {
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

    /** An open index of that name is in the way, and so is a closed one with another number of shards. */
    static void validateName(ProjectMetadata project, String remoteCluster, String followerName, IndexMetadata leader) {
        MetadataCreateIndexService.validateIndexOrAliasName(followerName, InvalidIndexNameException::new);
        if (project.hasAlias(followerName)) {
            throw new InvalidIndexNameException(followerName, "already exists as alias");
        }
        IndexMetadata present = project.index(followerName);
        if (present == null) {
            return;
        }
        String cannot = "cannot restore index [" + followerName + "] ";
        if (present.getState() == IndexMetadata.State.OPEN) {
            throw refusal(
                remoteCluster,
                cannot + "because an open index with same name already exists in the cluster. Either close or delete the existing index "
                    + "or restore the index under a different name by providing a rename pattern and replacement name"
            );
        }
        if (present.getNumberOfShards() != leader.getNumberOfShards()) {
            String counts = "with [%d] shards from a snapshot of index [%s] with [%d] shards";
            throw refusal(
                remoteCluster,
                cannot + counts.formatted(present.getNumberOfShards(), leader.getIndex().getName(), leader.getNumberOfShards())
            );
        }
    }

    private static SnapshotRestoreException refusal(String remoteCluster, String reason) {
        return new SnapshotRestoreException("_ccr_" + remoteCluster, "_latest_/_latest_", reason);
    }

    /** Name of the lease that the follower will hold on its leader; taken before there is a follower. */
    String leaseId(String followerCluster) {
        String leaderName = leader.getIndex().getName();
        return FollowerIndex.leaseId(followerCluster, followerName, followerUuid, remoteCluster, leaderName, leader.getIndexUUID());
    }

    /** A closed index of the same name is replaced. */
    ClusterState apply(ClusterState state, AllocationService allocation) {
        ProjectMetadata project = FollowerIndex.project(state);
        validateName(project, remoteCluster, followerName, leader);
        IndexMetadata follower = follower();
        ProjectMetadata.Builder newProject = ProjectMetadata.builder(project);
        RoutingTable.Builder routing = RoutingTable.builder(allocation.getShardRoutingRoleStrategy(), state.routingTable(project.id()));
        ClusterBlocks.Builder blocks = ClusterBlocks.builder(state.blocks());
        if (project.hasIndex(followerName)) {
            newProject.remove(followerName);
            newProject.indexGraveyard(
                IndexGraveyard.builder(newProject.indexGraveyard())
                    .addTombstone(project.index(followerName).getIndex())
                    .build(Settings.EMPTY)
            );
            routing.remove(followerName);
            blocks.removeIndexBlocks(project.id(), followerName);
        }
        newProject.put(follower, true);
        routing.addAsNew(follower);
        blocks.addBlocks(project.id(), follower);
        ClusterState created = ClusterState.builder(state)
            .putProjectMetadata(newProject)
            .putRoutingTable(project.id(), routing.build())
            .blocks(blocks)
            .build();
        return allocation.reroute(created, "follower index created", ActionListener.noop());
    }

    private IndexMetadata follower() {
        Settings settings = Settings.builder()
            .put(LeaderSettings.atCreation(leader.getSettings()))
            .put(overrides)
            .put(FollowerIndex.FOLLOWING_SETTING.getKey(), true)
            .put(IndexMetadata.SETTING_INDEX_UUID, followerUuid)
            .put(IndexMetadata.SETTING_INDEX_PROVIDED_NAME, followerName)
            .put(IndexMetadata.SETTING_CREATION_DATE, leader.getCreationDate())
            .put(IndexMetadata.SETTING_VERSION_CREATED, leader.getCreationVersion())
            .build();
        IndexMetadata.Builder follower = IndexMetadata.builder(followerName)
            .settings(settings)
            .setRoutingNumShards(leader.getRoutingNumShards())
            .putMapping(leader.mapping());
        for (AliasMetadata alias : leader.getAliases().values()) {
            follower.putAlias(MetadataFollower.withoutWriteIndex(alias));
        }
        FollowerIndex.writeLeader(follower, remoteCluster, leader, leaderHistoryUuids, leaderGlobalCheckpoints);
        return follower.build();
    }
}
