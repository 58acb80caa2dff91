package esfailover.lab.ccr;

import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.elasticsearch.ElasticsearchException;
import org.elasticsearch.cluster.ClusterChangedEvent;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ClusterStateListener;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.core.Tuple;
import org.elasticsearch.gateway.GatewayService;
import org.elasticsearch.xpack.core.ccr.AutoFollowMetadata.AutoFollowPattern;
import org.elasticsearch.xpack.core.ccr.AutoFollowStats;
import org.elasticsearch.xpack.core.ccr.AutoFollowStats.AutoFollowedCluster;

import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * On the elected master: has every remote cluster watched that an active pattern names, and keeps the statistics. The tasks of followers
 * that are deleted while they follow stay, as was seen of the real module.
 */
final class AutoFollowCoordinator implements ClusterStateListener {
    private static final Logger logger = LogManager.getLogger(AutoFollowCoordinator.class);
    private static final int RECENT_ERRORS = 256;

    private final CcrClient client;
    private final ClusterService clusterService;
    private final Map<String, RemoteClusterWatch> watches = new ConcurrentHashMap<>();
    private volatile boolean isMaster;

    private long successfulFollows;
    private long failedFollows;
    private long failedStateRequests;
    /** By pattern, or by pattern and index: when, and what. */
    private final NavigableMap<String, Tuple<Long, ElasticsearchException>> recentErrors = new TreeMap<>();

    AutoFollowCoordinator(CcrClient client, ClusterService clusterService) {
        this.client = client;
        this.clusterService = clusterService;
        clusterService.addListener(this);
    }

    @Override
    public void clusterChanged(ClusterChangedEvent event) {
        boolean wasMaster = isMaster;
        isMaster = event.localNodeMaster();
        boolean isRecovered = event.state().blocks().hasGlobalBlock(GatewayService.STATE_NOT_RECOVERED_BLOCK) == false;
        if (isMaster == false || isRecovered == false || (event.metadataChanged() == false && wasMaster)) {
            return;
        }
        watchRemoteClusters(changedPatterns(event), event.state());
    }

    /** Remote clusters some pattern of which is new or another than before. */
    private static Set<String> changedPatterns(ClusterChangedEvent event) {
        Map<String, AutoFollowPattern> before = AutoFollowPatterns.of(event.previousState()).getPatterns();
        return AutoFollowPatterns.of(event.state())
            .getPatterns()
            .entrySet()
            .stream()
            .filter(entry -> entry.getValue().equals(before.get(entry.getKey())) == false)
            .map(entry -> entry.getValue().getRemoteCluster())
            .collect(Collectors.toSet());
    }

    /**
     * A new watch looks at what is there before it waits for a change. So a changed pattern gets one, too: the old watch might wait for
     * long although the pattern names indices that are there already.
     */
    private void watchRemoteClusters(Set<String> changed, ClusterState state) {
        for (AutoFollowPattern pattern : AutoFollowPatterns.of(state).getPatterns().values()) {
            String cluster = pattern.getRemoteCluster();
            if (pattern.isActive() && (changed.contains(cluster) || watches.containsKey(cluster) == false)) {
                RemoteClusterWatch watch = new RemoteClusterWatch(cluster, this, client, clusterService);
                watches.put(cluster, watch);
                client.threadPool().generic().execute(watch::look);
                changed.remove(cluster);
            }
        }
    }

    /** False when the watch is to end: nothing is left to watch for, or another one has taken its place. */
    boolean isToBeWatched(RemoteClusterWatch watch, List<?> activePatterns) {
        boolean isCurrent = watches.get(watch.cluster()) == watch;
        if (isCurrent && isMaster && activePatterns.isEmpty() == false) {
            return true;
        }
        watches.remove(watch.cluster(), watch);
        return false;
    }

    synchronized void followSucceeded(String pattern, String leaderName) {
        successfulFollows++;
        recentErrors.remove(key(pattern, leaderName));
    }

    synchronized void followFailed(String pattern, String leaderName, Exception e) {
        failedFollows++;
        note(key(pattern, leaderName), e);
        logger.warn(() -> "failure occurred while auto-following index [" + leaderName + "]", e);
    }

    synchronized void stateRequestFailed(String pattern, Exception e) {
        failedStateRequests++;
        note(pattern, e);
    }

    synchronized void stateRequestSucceeded(String pattern) {
        recentErrors.remove(pattern);
    }

    private static String key(String pattern, String leaderName) {
        return pattern + ":" + leaderName;
    }

    private void note(String key, Exception e) {
        recentErrors.put(key, Tuple.tuple(System.currentTimeMillis(), FollowProgress.asElasticsearchException(e)));
        while (recentErrors.size() > RECENT_ERRORS) {
            recentErrors.pollFirstEntry();
        }
    }

    synchronized AutoFollowStats stats() {
        NavigableMap<String, AutoFollowedCluster> clusters = new TreeMap<>();
        watches.forEach((name, watch) -> clusters.put(name, watch.stats()));
        return new AutoFollowStats(failedFollows, failedStateRequests, successfulFollows, new TreeMap<>(recentErrors), clusters);
    }
}
