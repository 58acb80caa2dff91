package esfailover.lab.ccr;

import org.elasticsearch.ElasticsearchException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActiveShardCount;
import org.elasticsearch.action.support.RefCountingListener;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.IndexAbstraction;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.cluster.routing.IndexRoutingTable;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.xpack.core.ccr.AutoFollowMetadata;
import org.elasticsearch.xpack.core.ccr.AutoFollowMetadata.AutoFollowPattern;
import org.elasticsearch.xpack.core.ccr.AutoFollowStats.AutoFollowedCluster;
import org.elasticsearch.xpack.core.ccr.action.FollowParameters;
import org.elasticsearch.xpack.core.ccr.action.PutFollowAction;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** Watches the metadata of one remote cluster and follows those of its new indices that active patterns name. */
final class RemoteClusterWatch {
    private static final TimeValue POLL_TIMEOUT = TimeValue.timeValueMinutes(1);
    /**
     * After a failed request. The real module does not wait at all, and makes about a thousand requests a second to a cluster that refuses
     * connections; fifty a second show the same, and leave the machine to others.
     */
    private static final TimeValue RETRY_INTERVAL = TimeValue.timeValueMillis(20);
    private static final long NOT_SEEN = -1;
    /** Stands for the leader's name in {@code follow_index_pattern}. */
    private static final String LEADER_NAME = "{{leader_index}}";

    private final String cluster;
    private final AutoFollowCoordinator coordinator;
    private final CcrClient client;
    private final ClusterService clusterService;

    private volatile long seenVersion = NOT_SEEN;
    private volatile long checkedNanos = System.nanoTime();

    /** An index of the remote cluster that a pattern wants to be followed. */
    private record Candidate(String patternName, AutoFollowPattern pattern, IndexMetadata leader) {}

    RemoteClusterWatch(String cluster, AutoFollowCoordinator coordinator, CcrClient client, ClusterService clusterService) {
        this.cluster = cluster;
        this.coordinator = coordinator;
        this.client = client;
        this.clusterService = clusterService;
    }

    String cluster() {
        return cluster;
    }

    AutoFollowedCluster stats() {
        return new AutoFollowedCluster(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - checkedNanos), seenVersion);
    }

    private List<Map.Entry<String, AutoFollowPattern>> activePatterns() {
        return AutoFollowPatterns.of(clusterService.state())
            .getPatterns()
            .entrySet()
            .stream()
            .filter(entry -> entry.getValue().isActive() && entry.getValue().getRemoteCluster().equals(cluster))
            .toList();
    }

    /** Waits for a change of the remote metadata, deals with it, and looks again. */
    void look() {
        List<Map.Entry<String, AutoFollowPattern>> patterns = activePatterns();
        if (coordinator.isToBeWatched(this, patterns) == false) {
            return;
        }
        checkedNanos = System.nanoTime();
        String firstPattern = patterns.get(0).getKey();
        Map<String, String> headers = AutoFollowPatterns.of(clusterService.state()).getHeaders().getOrDefault(firstPattern, Map.of());
        client.leaderStateAfter(headers, cluster, seenVersion, POLL_TIMEOUT, ActionListener.wrap(state -> {
            patterns.forEach(pattern -> coordinator.stateRequestSucceeded(pattern.getKey()));
            if (state == null) {
                look();
            } else {
                followNewIndices(state);
            }
        }, e -> {
            patterns.forEach(pattern -> coordinator.stateRequestFailed(pattern.getKey(), e));
            client.later(RETRY_INTERVAL, this::look);
        }));
    }

    /** What cannot be followed, or not yet, gets its next try with the next change of the remote metadata, and no sooner. */
    private void followNewIndices(ClusterState remoteState) {
        Runnable next = () -> {
            seenVersion = remoteState.metadata().version();
            look();
        };
        ActionListener<Void> whenDone = ActionListener.running(next);
        Set<String> presentUuids = new HashSet<>();
        FollowerIndex.project(remoteState).indices().values().forEach(index -> presentUuids.add(index.getIndexUUID()));
        try (RefCountingListener all = new RefCountingListener(whenDone)) {
            for (Candidate candidate : candidates(remoteState)) {
                follow(candidate, presentUuids, all.acquire());
            }
        }
    }

    private List<Candidate> candidates(ClusterState remoteState) {
        List<Candidate> candidates = new ArrayList<>();
        ProjectMetadata remote = FollowerIndex.project(remoteState);
        Map<String, List<String>> settled = AutoFollowPatterns.of(clusterService.state()).getFollowedLeaderIndexUUIDs();
        for (Map.Entry<String, AutoFollowPattern> entry : activePatterns()) {
            List<String> settledHere = settled.getOrDefault(entry.getKey(), List.of());
            for (IndexMetadata index : remote.indices().values()) {
                boolean isNew = settledHere.contains(index.getIndexUUID()) == false;
                boolean isOpen = index.getState() == IndexMetadata.State.OPEN && index.isSystem() == false;
                if (isNew && isOpen && entry.getValue().match(remote.getIndicesLookup().get(index.getIndex().getName()))) {
                    IndexRoutingTable routing = remoteState.routingTable(ProjectId.DEFAULT).index(index.getIndex());
                    if (routing == null || routing.allPrimaryShardsActive() == false) {
                        continue;
                    }
                    String leaderName = index.getIndex().getName();
                    List<String> others = otherMatchingPatterns(entry.getKey(), remote.getIndicesLookup().get(leaderName));
                    if (others.isEmpty()) {
                        candidates.add(new Candidate(entry.getKey(), entry.getValue(), index));
                    } else {
                        String reason = "index to follow [{}] for pattern [{}] matches with other patterns {}";
                        ElasticsearchException refusal = new ElasticsearchException(reason, leaderName, entry.getKey(), others);
                        coordinator.followFailed(entry.getKey(), leaderName, refusal);
                    }
                }
            }
        }
        return candidates;
    }

    /** Of the same remote cluster, the paused ones too: an index that two patterns match is followed by neither. */
    private List<String> otherMatchingPatterns(String name, IndexAbstraction leader) {
        return AutoFollowPatterns.of(clusterService.state())
            .getPatterns()
            .entrySet()
            .stream()
            .filter(other -> other.getKey().equals(name) == false && other.getValue().getRemoteCluster().equals(cluster))
            .filter(other -> other.getValue().match(leader))
            .map(Map.Entry::getKey)
            .toList();
    }

    private void follow(Candidate candidate, Set<String> presentUuids, ActionListener<Void> listener) {
        String leaderName = candidate.leader.getIndex().getName();
        String leaderUuid = candidate.leader.getIndexUUID();
        String template = candidate.pattern.getFollowIndexPattern();
        String followerName = template == null ? leaderName : template.replace(LEADER_NAME, leaderName);
        ActionListener<Void> noted = ActionListener.wrap(listener::onResponse, e -> {
            coordinator.followFailed(candidate.patternName, leaderName, e);
            listener.onFailure(e);
        });
        ActionListener<Void> followed = noted.delegateFailureAndWrap(
            (l, v) -> AutoFollowPatterns.update(
                clusterService,
                "auto-followed " + followerName,
                patterns -> AutoFollowPatterns.withFollowed(patterns, candidate.patternName, leaderUuid, presentUuids),
                l
            )
        );
        if (isFollowedAlready(followerName, leaderUuid)) {
            followed.onResponse(null);
            return;
        }
        AutoFollowMetadata patterns = AutoFollowPatterns.of(clusterService.state());
        client.localAs(
            patterns.getHeaders().getOrDefault(candidate.patternName, Map.of()),
            PutFollowAction.INSTANCE,
            request(candidate, leaderName, followerName),
            followed.map(response -> {
                coordinator.followSucceeded(candidate.patternName, leaderName);
                return null;
            })
        );
    }

    private boolean isFollowedAlready(String followerName, String leaderUuid) {
        IndexMetadata present = FollowerIndex.project(clusterService.state()).index(followerName);
        return present != null && FollowerIndex.isFollower(present) && FollowerIndex.of(present).leaderUuid().equals(leaderUuid);
    }

    private static PutFollowAction.Request request(Candidate candidate, String leaderName, String followerName) {
        AutoFollowPattern pattern = candidate.pattern;
        PutFollowAction.Request request = new PutFollowAction.Request(CcrClient.MASTER_TIMEOUT, CcrClient.MASTER_TIMEOUT);
        request.setRemoteCluster(pattern.getRemoteCluster());
        request.setLeaderIndex(leaderName);
        request.setFollowerIndex(followerName);
        request.setSettings(pattern.getSettings());
        request.waitForActiveShards(ActiveShardCount.NONE);
        FollowParameters parameters = request.getParameters();
        parameters.setMaxReadRequestOperationCount(pattern.getMaxReadRequestOperationCount());
        parameters.setMaxWriteRequestOperationCount(pattern.getMaxWriteRequestOperationCount());
        parameters.setMaxOutstandingReadRequests(pattern.getMaxOutstandingReadRequests());
        parameters.setMaxOutstandingWriteRequests(pattern.getMaxOutstandingWriteRequests());
        parameters.setMaxReadRequestSize(pattern.getMaxReadRequestSize());
        parameters.setMaxWriteRequestSize(pattern.getMaxWriteRequestSize());
        parameters.setMaxWriteBufferCount(pattern.getMaxWriteBufferCount());
        parameters.setMaxWriteBufferSize(pattern.getMaxWriteBufferSize());
        parameters.setMaxRetryDelay(pattern.getMaxRetryDelay());
        parameters.setReadPollTimeout(pattern.getReadPollTimeout());
        return request;
    }
}
