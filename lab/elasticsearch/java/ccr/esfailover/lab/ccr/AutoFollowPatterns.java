package esfailover.lab.ccr;

import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.IndexAbstraction;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.xpack.core.ccr.AutoFollowMetadata;
import org.elasticsearch.xpack.core.ccr.AutoFollowMetadata.AutoFollowPattern;
import org.elasticsearch.xpack.core.ccr.action.FollowParameters;
import org.elasticsearch.xpack.core.ccr.action.PutAutoFollowPatternAction;

import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/** The auto-follow patterns as they stand in the cluster state, each with the leaders that need not be followed any more. */
final class AutoFollowPatterns {
    private AutoFollowPatterns() {}

    static AutoFollowMetadata of(ClusterState state) {
        return FollowerIndex.project(state).custom(AutoFollowMetadata.TYPE, AutoFollowMetadata.EMPTY);
    }

    static void update(
        ClusterService clusterService,
        String what,
        UnaryOperator<AutoFollowMetadata> change,
        ActionListener<Void> listener
    ) {
        UnaryOperator<ClusterState> changeState = state -> state.copyAndUpdateProject(
            ProjectId.DEFAULT,
            project -> project.putCustom(AutoFollowMetadata.TYPE, change.apply(of(state)))
        );
        CcrMasterAction.updateState(clusterService, what, changeState, listener);
    }

    static AutoFollowPattern existing(AutoFollowMetadata patterns, String name) {
        AutoFollowPattern pattern = patterns.getPatterns().get(name);
        if (pattern == null) {
            throw new ResourceNotFoundException("auto-follow pattern [{}] is missing", name);
        }
        return pattern;
    }

    /**
     * With a new or changed pattern, which is active even if it was paused before. A changed one keeps what it has followed.
     *
     * @param settledUuids leader indices that are there already: they do not count as new
     */
    static AutoFollowMetadata with(
        AutoFollowMetadata patterns,
        PutAutoFollowPatternAction.Request request,
        Map<String, String> headers,
        Collection<String> settledUuids
    ) {
        String name = request.getName();
        AutoFollowPattern pattern = pattern(request);
        List<String> settled = patterns.getFollowedLeaderIndexUUIDs().getOrDefault(name, List.of());
        return new AutoFollowMetadata(
            entry(patterns.getPatterns(), name, pattern),
            entry(patterns.getFollowedLeaderIndexUUIDs(), name, union(settled, settledUuids)),
            entry(patterns.getHeaders(), name, headers)
        );
    }

    static AutoFollowMetadata without(AutoFollowMetadata patterns, String name) {
        existing(patterns, name);
        return new AutoFollowMetadata(
            noEntry(patterns.getPatterns(), name),
            noEntry(patterns.getFollowedLeaderIndexUUIDs(), name),
            noEntry(patterns.getHeaders(), name)
        );
    }

    static AutoFollowMetadata withActive(AutoFollowMetadata patterns, String name, boolean active) {
        AutoFollowPattern pattern = withActive(existing(patterns, name), active);
        return new AutoFollowMetadata(
            entry(patterns.getPatterns(), name, pattern),
            patterns.getFollowedLeaderIndexUUIDs(),
            patterns.getHeaders()
        );
    }

    /** Notes that a leader is followed; forgets those that are gone. A pattern that was deleted meanwhile stays deleted. */
    static AutoFollowMetadata withFollowed(AutoFollowMetadata patterns, String name, String leaderUuid, Set<String> presentUuids) {
        if (patterns.getPatterns().containsKey(name) == false) {
            return patterns;
        }
        List<String> settled = patterns.getFollowedLeaderIndexUUIDs().getOrDefault(name, List.of());
        List<String> stillThere = settled.stream().filter(presentUuids::contains).toList();
        return new AutoFollowMetadata(
            patterns.getPatterns(),
            entry(patterns.getFollowedLeaderIndexUUIDs(), name, union(stillThere, List.of(leaderUuid))),
            patterns.getHeaders()
        );
    }

    /** UUIDs of the leader's indices that the pattern would cover and the pattern before it, if any, did not. */
    static List<String> newlyCovered(ProjectMetadata leader, PutAutoFollowPatternAction.Request request, AutoFollowPattern before) {
        return leader.indices().values().stream().filter(index -> {
            IndexAbstraction abstraction = leader.getIndicesLookup().get(index.getIndex().getName());
            List<String> excluded = request.getLeaderIndexExclusionPatterns();
            return AutoFollowPattern.match(request.getLeaderIndexPatterns(), excluded, abstraction)
                && (before == null || before.match(abstraction) == false);
        }).map(IndexMetadata::getIndexUUID).toList();
    }

    private static AutoFollowPattern pattern(PutAutoFollowPatternAction.Request request) {
        FollowParameters parameters = request.getParameters();
        return new AutoFollowPattern(
            request.getRemoteCluster(),
            request.getLeaderIndexPatterns(),
            request.getLeaderIndexExclusionPatterns(),
            request.getFollowIndexNamePattern(),
            request.getSettings(),
            true,
            parameters.getMaxReadRequestOperationCount(),
            parameters.getMaxWriteRequestOperationCount(),
            parameters.getMaxOutstandingReadRequests(),
            parameters.getMaxOutstandingWriteRequests(),
            parameters.getMaxReadRequestSize(),
            parameters.getMaxWriteRequestSize(),
            parameters.getMaxWriteBufferCount(),
            parameters.getMaxWriteBufferSize(),
            parameters.getMaxRetryDelay(),
            parameters.getReadPollTimeout()
        );
    }

    private static AutoFollowPattern withActive(AutoFollowPattern pattern, boolean active) {
        return new AutoFollowPattern(
            pattern.getRemoteCluster(),
            pattern.getLeaderIndexPatterns(),
            pattern.getLeaderIndexExclusionPatterns(),
            pattern.getFollowIndexPattern(),
            pattern.getSettings(),
            active,
            pattern.getMaxReadRequestOperationCount(),
            pattern.getMaxWriteRequestOperationCount(),
            pattern.getMaxOutstandingReadRequests(),
            pattern.getMaxOutstandingWriteRequests(),
            pattern.getMaxReadRequestSize(),
            pattern.getMaxWriteRequestSize(),
            pattern.getMaxWriteBufferCount(),
            pattern.getMaxWriteBufferSize(),
            pattern.getMaxRetryDelay(),
            pattern.getReadPollTimeout()
        );
    }

    private static <T> Map<String, T> entry(Map<String, T> map, String key, T value) {
        Map<String, T> copy = new HashMap<>(map);
        copy.put(key, value);
        return copy;
    }

    private static <T> Map<String, T> noEntry(Map<String, T> map, String key) {
        Map<String, T> copy = new HashMap<>(map);
        copy.remove(key);
        return copy;
    }

    private static List<String> union(Collection<String> some, Collection<String> more) {
        Set<String> all = new LinkedHashSet<>(some);
        all.addAll(more);
        return List.copyOf(all);
    }
}
