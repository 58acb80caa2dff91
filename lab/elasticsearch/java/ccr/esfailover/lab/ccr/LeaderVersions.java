package esfailover.lab.ccr;

import org.elasticsearch.cluster.metadata.IndexMetadata;

/** Versions of those parts of a leader's metadata that its follower takes over. */
record LeaderVersions(long mapping, long settings, long aliases) {
    static final LeaderVersions NONE = new LeaderVersions(0, 0, 0);

    static LeaderVersions of(IndexMetadata leader) {
        return new LeaderVersions(leader.getMappingVersion(), leader.getSettingsVersion(), leader.getAliasesVersion());
    }

    static LeaderVersions of(ShardChangesAction.Response response) {
        return new LeaderVersions(response.mappingVersion, response.settingsVersion, response.aliasesVersion);
    }

    boolean isBehind(LeaderVersions other) {
        return mapping < other.mapping || settings < other.settings || aliases < other.aliases;
    }
}
