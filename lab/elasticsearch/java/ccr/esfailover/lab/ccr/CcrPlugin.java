package esfailover.lab.ccr;

import org.apache.lucene.util.SetOnce;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.RequestValidators;
import org.elasticsearch.action.admin.indices.alias.IndicesAliasesRequest;
import org.elasticsearch.action.admin.indices.mapping.put.PutMappingRequest;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.Metadata;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.common.settings.SettingsModule;
import org.elasticsearch.core.CheckedFunction;
import org.elasticsearch.env.Environment;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.Index;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.engine.EngineFactory;
import org.elasticsearch.indices.recovery.RecoverySettings;
import org.elasticsearch.persistent.PersistentTaskParams;
import org.elasticsearch.persistent.PersistentTasksExecutor;
import org.elasticsearch.persistent.PersistentTasksService;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.EnginePlugin;
import org.elasticsearch.plugins.PersistentTaskPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.plugins.RepositoryPlugin;
import org.elasticsearch.repositories.Repository;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xpack.core.ccr.AutoFollowMetadata;
import org.elasticsearch.xpack.core.ccr.ShardFollowNodeTaskStatus;
import org.elasticsearch.xpack.core.ccr.action.ActivateAutoFollowPatternAction;
import org.elasticsearch.xpack.core.ccr.action.CcrStatsAction;
import org.elasticsearch.xpack.core.ccr.action.DeleteAutoFollowPatternAction;
import org.elasticsearch.xpack.core.ccr.action.FollowInfoAction;
import org.elasticsearch.xpack.core.ccr.action.FollowStatsAction;
import org.elasticsearch.xpack.core.ccr.action.ForgetFollowerAction;
import org.elasticsearch.xpack.core.ccr.action.GetAutoFollowPatternAction;
import org.elasticsearch.xpack.core.ccr.action.PauseFollowAction;
import org.elasticsearch.xpack.core.ccr.action.PutAutoFollowPatternAction;
import org.elasticsearch.xpack.core.ccr.action.PutFollowAction;
import org.elasticsearch.xpack.core.ccr.action.ResumeFollowAction;
import org.elasticsearch.xpack.core.ccr.action.ShardFollowTask;
import org.elasticsearch.xpack.core.ccr.action.UnfollowAction;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * A stand-in for Elastic's cross-cluster replication, whose module is not on Maven Central: the same REST API with the same rules, and
 * real replication behind it. Written from the public documentation and from the request and status classes of x-pack-core. Where it
 * differs from the real module is said in lab/elasticsearch/README.md.
 */
public final class CcrPlugin extends Plugin implements ActionPlugin, EnginePlugin, PersistentTaskPlugin, RepositoryPlugin {
    /** Set when the node's parts are there; repositories are made after that. */
    private final SetOnce<LeaderRepository.Services> repositoryServices = new SetOnce<>();

    @Override
    public Collection<?> createComponents(PluginServices services) {
        CcrClient client = new CcrClient(services.client(), services.threadPool());
        ShardFollowTasks tasks = new ShardFollowTasks(
            new PersistentTasksService(services.clusterService(), services.threadPool(), services.client())
        );
        RetentionLeases leases = new RetentionLeases(client);
        AutoFollowCoordinator autoFollow = new AutoFollowCoordinator(client, services.clusterService());
        CopySpeed speed = new CopySpeed(services.clusterService().getClusterSettings());
        AnswerLimit answers = new AnswerLimit(services.clusterService().getClusterSettings(), services.threadPool());
        repositoryServices.set(new LeaderRepository.Services(client, services.clusterService(), leases, speed, answers));
        LicenceLapse.watch(services.clusterService());
        LeaderRepositories.keepRegistered(services.repositoriesService(), services.linkedProjectConfigService());
        return List.of(new CcrServices(client, leases, tasks, autoFollow), new CopySources(client));
    }

    @Override
    public Map<String, Repository.Factory> getInternalRepositories(
        Environment environment,
        NamedXContentRegistry registry,
        ClusterService clusterService,
        RecoverySettings recoverySettings
    ) {
        return Map.of(
            LeaderRepositories.TYPE,
            (project, metadata) -> new LeaderRepository(project, metadata, repositoryServices.get())
        );
    }

    @Override
    public List<PersistentTasksExecutor<?>> getPersistentTasksExecutor(
        ClusterService clusterService,
        ThreadPool threadPool,
        Client nodeClient,
        SettingsModule settingsModule,
        IndexNameExpressionResolver indexNameExpressionResolver
    ) {
        CcrClient client = new CcrClient(nodeClient, threadPool);
        MetadataFollower metadata = new MetadataFollower(client, clusterService, settingsModule.getIndexScopedSettings());
        return List.of(new ShardFollowerExecutor(new ShardFollower.Services(client, new RetentionLeases(client), metadata, clusterService)));
    }

    @Override
    public List<Setting<?>> getSettings() {
        return List.of(
            FollowerIndex.FOLLOWING_SETTING,
            Misbehaviour.SETTING,
            LicenceLapse.SETTING,
            CopySpeed.LAB_LIMIT,
            CopySpeed.DOCUMENTED_LIMIT,
            CopySpeed.CHUNK_SIZE,
            CopySpeed.CONCURRENT_CHUNKS,
            AnswerLimit.SETTING
        );
    }

    @Override
    public Optional<EngineFactory> getEngineFactory(IndexSettings indexSettings) {
        return FollowerIndex.FOLLOWING_SETTING.get(indexSettings.getSettings()) ? Optional.of(FollowingEngine::new) : Optional.empty();
    }

    @Override
    public Collection<ActionHandler> getActions() {
        return List.of(
            new ActionHandler(ShardChangesAction.TYPE, ShardChangesAction.TransportAction.class),
            new ActionHandler(LeaderFilesAction.TYPE, LeaderFilesAction.TransportAction.class),
            new ActionHandler(LeaderFilesAction.TYPE_WITH_API_KEY, LeaderFilesAction.TransportActionWithApiKey.class),
            new ActionHandler(ShardOperationsAction.TYPE, ShardOperationsAction.TransportAction.class),
            new ActionHandler(PutFollowAction.INSTANCE, TransportPutFollowAction.class),
            new ActionHandler(PauseFollowAction.INSTANCE, TransportPauseFollowAction.class),
            new ActionHandler(ResumeFollowAction.INSTANCE, TransportResumeFollowAction.class),
            new ActionHandler(UnfollowAction.INSTANCE, TransportUnfollowAction.class),
            new ActionHandler(ForgetFollowerAction.INSTANCE, TransportForgetFollowerAction.class),
            new ActionHandler(FollowInfoAction.INSTANCE, TransportFollowInfoAction.class),
            new ActionHandler(FollowStatsAction.INSTANCE, TransportFollowStatsAction.class),
            new ActionHandler(CcrStatsAction.INSTANCE, TransportCcrStatsAction.class),
            new ActionHandler(PutAutoFollowPatternAction.INSTANCE, TransportPutAutoFollowPatternAction.class),
            new ActionHandler(DeleteAutoFollowPatternAction.INSTANCE, TransportDeleteAutoFollowPatternAction.class),
            new ActionHandler(ActivateAutoFollowPatternAction.INSTANCE, TransportActivateAutoFollowPatternAction.class),
            new ActionHandler(GetAutoFollowPatternAction.INSTANCE, TransportGetAutoFollowPatternAction.class)
        );
    }

    @Override
    public Collection<RestHandler> getRestHandlers(
        RestHandlersServices services,
        Supplier<DiscoveryNodes> nodesInCluster,
        Predicate<NodeFeature> clusterSupportsFeature
    ) {
        return CcrRestHandlers.all();
    }

    @Override
    public Collection<RequestValidators.RequestValidator<PutMappingRequest>> mappingRequestValidators() {
        return List.of((request, project, indices) -> refuseToChange("mapping", request.origin(), project, indices));
    }

    @Override
    public Collection<RequestValidators.RequestValidator<IndicesAliasesRequest>> indicesAliasesRequestValidators() {
        return List.of((request, project, indices) -> refuseToChange("aliases", request.origin(), project, indices));
    }

    /** Mapping and aliases of a follower come from its leader alone. */
    private static Optional<Exception> refuseToChange(String what, String origin, ProjectMetadata project, Index[] indices) {
        if (MetadataFollower.ORIGIN.equals(origin)) {
            return Optional.empty();
        }
        for (Index index : indices) {
            IndexMetadata metadata = project.index(index);
            if (metadata != null && FollowerIndex.isFollower(metadata)) {
                String message = "can't change %s of the following index [%s], which are self-replicated from its leader index";
                return Optional.of(new ElasticsearchStatusException(message.formatted(what, index.getName()), RestStatus.FORBIDDEN));
            }
        }
        return Optional.empty();
    }

    @Override
    public List<NamedWriteableRegistry.Entry> getNamedWriteables() {
        return List.of(
            new NamedWriteableRegistry.Entry(PersistentTaskParams.class, ShardFollowTask.NAME, ShardFollowTask::readFrom),
            new NamedWriteableRegistry.Entry(Task.Status.class, ShardFollowNodeTaskStatus.STATUS_PARSER_NAME, ShardFollowNodeTaskStatus::new)
        );
    }

    @Override
    public List<NamedXContentRegistry.Entry> getNamedXContent() {
        return List.of(
            entry(Metadata.ProjectCustom.class, AutoFollowMetadata.TYPE, AutoFollowMetadata::fromXContent),
            entry(PersistentTaskParams.class, ShardFollowTask.NAME, ShardFollowTask::fromXContent),
            entry(Task.Status.class, ShardFollowNodeTaskStatus.STATUS_PARSER_NAME, ShardFollowNodeTaskStatus::fromXContent)
        );
    }

    private static <T> NamedXContentRegistry.Entry entry(
        Class<T> category,
        String name,
        CheckedFunction<XContentParser, ? extends T, IOException> parse
    ) {
        return new NamedXContentRegistry.Entry(category, new ParseField(name), parse);
    }
}
