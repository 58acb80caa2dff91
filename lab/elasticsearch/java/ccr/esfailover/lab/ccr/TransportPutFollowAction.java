package esfailover.lab.ccr;

import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionRunnable;
import org.elasticsearch.action.admin.cluster.snapshots.restore.RestoreClusterStateListener;
import org.elasticsearch.action.admin.cluster.snapshots.restore.RestoreSnapshotRequest;
import org.elasticsearch.action.support.ActiveShardCount;
import org.elasticsearch.action.support.ActiveShardsObserver;
import org.elasticsearch.action.support.IndicesOptions;
import org.elasticsearch.action.support.SubscribableListener;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.snapshots.RestoreInfo;
import org.elasticsearch.snapshots.RestoreService;
import org.elasticsearch.snapshots.RestoreService.RestoreCompletionResponse;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.xpack.core.ccr.action.PutFollowAction;

import java.util.Map;
import java.util.regex.Matcher;

/** {@code PUT /{index}/_ccr/follow}: restores a follower from its leader, and starts following when it has all its primaries. */
public final class TransportPutFollowAction extends CcrMasterAction<PutFollowAction.Request, PutFollowAction.Response> {
    private static final Logger logger = LogManager.getLogger(TransportPutFollowAction.class);
    private static final PutFollowAction.Response NOT_YET_FOLLOWING = new PutFollowAction.Response(true, false, false);

    private final RestoreService restoreService;

    @Inject
    public TransportPutFollowAction(Environment environment, RestoreService restoreService) {
        super(
            PutFollowAction.NAME,
            environment,
            PutFollowAction.Request::new,
            PutFollowAction.Response::new,
            ClusterBlockLevel.METADATA_WRITE
        );
        this.restoreService = restoreService;
    }

    @Override
    protected String followerOf(PutFollowAction.Request request) {
        return request.getFollowerIndex();
    }

    @Override
    protected void masterOperation(PutFollowAction.Request request, ClusterState state, ActionListener<PutFollowAction.Response> listener) {
        requireLicence();
        Map<String, String> headers = headersToKeep();
        String remote = request.getRemoteCluster();
        SubscribableListener.<FollowedStream>newForked(l -> ccr.client.leaderWithStream(remote, request.getLeaderIndex(), l))
            .<FollowedStream>andThen((l, followed) -> {
                LeaderFitness.checkLeader(followed.leader(), request.getSettings());
                ccr.client.checkLeaderIsReadable(headers, remote, followed.leader(), l.map(readable -> followed));
            })
            .<RestoreCompletionResponse>andThen((l, followed) -> startCopy(request, followed, l))
            .<PutFollowAction.Response>andThen((l, copy) -> answer(request, headers, copy, l))
            .addListener(listener);
    }

    /** On a thread that may block: the restore asks the repository for metadata, and waits. */
    private void startCopy(
        PutFollowAction.Request request,
        FollowedStream followed,
        ActionListener<RestoreCompletionResponse> listener
    ) {
        RestoreSnapshotRequest restore = new RestoreSnapshotRequest(
            request.masterNodeTimeout(),
            LeaderRepositories.name(request.getRemoteCluster()),
            LeaderRepositories.SNAPSHOT
        ).indices(request.getLeaderIndex())
            .indicesOptions(IndicesOptions.strictExpandHidden())
            .renamePattern("^.*$")
            .renameReplacement(Matcher.quoteReplacement(request.getFollowerIndex()))
            .indexSettings(
                Settings.builder()
                    .put(IndexMetadata.SETTING_INDEX_PROVIDED_NAME, request.getFollowerIndex())
                    .put(FollowerIndex.FOLLOWING_SETTING.getKey(), true)
                    .put(request.getSettings())
            );
        threadPool.executor(ThreadPool.Names.SNAPSHOT_META)
            .execute(ActionRunnable.wrap(listener, l -> restoreService.restoreSnapshot(ProjectId.DEFAULT, restore, l, (state, project) -> {
                if (followed.stream() != null) {
                    followed.addTo(project, request.getFollowerIndex(), request.getDataStreamName());
                }
            })));
    }

    /** With {@code wait_for_active_shards=0}, the default, copying and following go on behind the answer's back. */
    private void answer(
        PutFollowAction.Request request,
        Map<String, String> headers,
        RestoreCompletionResponse copy,
        ActionListener<PutFollowAction.Response> listener
    ) {
        if (request.waitForActiveShards() == ActiveShardCount.NONE) {
            listener.onResponse(NOT_YET_FOLLOWING);
            followWhenCopied(request, headers, copy, ActionListener.wrap(started -> {}, e -> logger.warn("following has not started", e)));
        } else {
            followWhenCopied(request, headers, copy, listener);
        }
    }

    private void followWhenCopied(
        PutFollowAction.Request request,
        Map<String, String> headers,
        RestoreCompletionResponse copy,
        ActionListener<PutFollowAction.Response> listener
    ) {
        RestoreClusterStateListener.createAndRegisterListener(clusterService, copy, listener.delegateFailureAndWrap((l, restored) -> {
            RestoreInfo info = restored.getRestoreInfo();
            if (info == null || info.failedShards() > 0) {
                l.onResponse(NOT_YET_FOLLOWING);
            } else {
                startFollowing(request, headers, l);
            }
        }), threadPool.getThreadContext());
    }

    private void startFollowing(
        PutFollowAction.Request request,
        Map<String, String> headers,
        ActionListener<PutFollowAction.Response> listener
    ) {
        String name = request.getFollowerIndex();
        ClusterState state = clusterService.state();
        state.blocks().indexBlockedRaiseException(ProjectId.DEFAULT, ClusterBlockLevel.METADATA_WRITE, name);
        FollowerIndex follower = FollowerIndex.named(FollowerIndex.project(state), name);
        SubscribableListener.<IndexMetadata>newForked(
            l -> ccr.client.leaderIndexAs(headers, follower.remoteCluster(), follower.leaderName(), l)
        ).<Void>andThen((l, leader) -> {
            LeaderFitness.checkBoth(follower, leader);
            ccr.tasks.start(follower, request.getParameters(), headers, l);
        })
            .<Boolean>andThen(
                l -> ActiveShardsObserver.waitForActiveShards(
                    clusterService,
                    ProjectId.DEFAULT,
                    new String[] { name },
                    request.waitForActiveShards(),
                    request.ackTimeout(),
                    l
                )
            )
            .addListener(listener.map(acked -> new PutFollowAction.Response(true, acked, true)));
    }
}
