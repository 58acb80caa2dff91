package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.admin.indices.alias.IndicesAliasesRequest;
import org.elasticsearch.action.admin.indices.alias.IndicesAliasesRequest.AliasActions;
import org.elasticsearch.action.admin.indices.alias.TransportIndicesAliasesAction;
import org.elasticsearch.action.admin.indices.settings.put.TransportUpdateSettingsAction;
import org.elasticsearch.action.admin.indices.settings.put.UpdateSettingsRequest;
import org.elasticsearch.action.support.SubscribableListener;
import org.elasticsearch.cluster.metadata.AliasMetadata;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.Index;

/** Gives a follower the mapping, settings and aliases that its leader has. */
final class MetadataFollower {
    /** Marks changes that come from the leader: the follower refuses all others. */
    static final String ORIGIN = "ccr";

    private final CcrClient client;
    private final ClusterService clusterService;
    private final IndexScopedSettings indexScopedSettings;

    MetadataFollower(CcrClient client, ClusterService clusterService, IndexScopedSettings indexScopedSettings) {
        this.client = client;
        this.clusterService = clusterService;
        this.indexScopedSettings = indexScopedSettings;
    }

    void takeOver(Index follower, IndexMetadata leader, ActionListener<Void> listener) {
        IndexMetadata current = FollowerIndex.project(clusterService.state()).getIndexSafe(follower);
        SubscribableListener.<Void>newForked(l -> takeOverSettings(current, leader, l))
            .<Void>andThen(l -> takeOverMapping(current, leader, l))
            .<Void>andThen(l -> takeOverAliases(current, leader, l))
            .addListener(listener);
    }

    /** A setting that can only be changed on a closed index closes the follower for a moment, as with the real module. */
    private void takeOverSettings(IndexMetadata follower, IndexMetadata leader, ActionListener<Void> listener) {
        Settings changes = LeaderSettings.changes(leader.getSettings(), follower.getSettings(), indexScopedSettings);
        if (changes.isEmpty()) {
            listener.onResponse(null);
            return;
        }
        UpdateSettingsRequest request = new UpdateSettingsRequest(changes, follower.getIndex().getName()).origin(ORIGIN);
        request.masterNodeTimeout(CcrClient.MASTER_TIMEOUT);
        request.reopen(changes.keySet().stream().anyMatch(key -> indexScopedSettings.isDynamicSetting(key) == false));
        client.localAsSystem(TransportUpdateSettingsAction.TYPE, request, listener.map(done -> null));
    }

    private void takeOverMapping(IndexMetadata follower, IndexMetadata leader, ActionListener<Void> listener) {
        if (leader.mapping() == null || leader.mapping().equals(follower.mapping())) {
            listener.onResponse(null);
        } else {
            new LeaderMapping(client).give(follower.getIndex(), leader, listener);
        }
    }

    private void takeOverAliases(IndexMetadata follower, IndexMetadata leader, ActionListener<Void> listener) {
        String name = follower.getIndex().getName();
        IndicesAliasesRequest request = new IndicesAliasesRequest(CcrClient.MASTER_TIMEOUT, CcrClient.MASTER_TIMEOUT).origin(ORIGIN);
        for (AliasMetadata alias : leader.getAliases().values()) {
            if (isSame(alias, follower.getAliases().get(alias.alias())) == false) {
                request.addAliasAction(
                    AliasActions.add()
                        .index(name)
                        .alias(alias.alias())
                        .filter(alias.filter() == null ? null : alias.filter().string())
                        .indexRouting(alias.indexRouting())
                        .searchRouting(alias.searchRouting())
                        .writeIndex(false)
                );
            }
        }
        for (String alias : follower.getAliases().keySet()) {
            if (leader.getAliases().containsKey(alias) == false) {
                request.addAliasAction(AliasActions.remove().index(name).alias(alias));
            }
        }
        if (request.getAliasActions().isEmpty()) {
            listener.onResponse(null);
        } else {
            client.localAsSystem(TransportIndicesAliasesAction.TYPE, request, listener.map(done -> null));
        }
    }

    private static boolean isSame(AliasMetadata leaders, AliasMetadata followers) {
        return followers != null && asFollowed(leaders).equals(followers);
    }

    /** An alias as a follower has it: nothing is written through it, and it is not hidden, as with the real module. */
    private static AliasMetadata asFollowed(AliasMetadata alias) {
        return AliasMetadata.builder(alias.alias())
            .filter(alias.filter())
            .indexRouting(alias.indexRouting())
            .searchRouting(alias.searchRouting())
            .writeIndex(false)
            .build();
    }
}
