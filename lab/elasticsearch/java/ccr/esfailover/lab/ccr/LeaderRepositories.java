package esfailover.lab.ccr;

import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.repositories.RepositoriesService;
import org.elasticsearch.transport.LinkedProjectConfig;
import org.elasticsearch.transport.LinkedProjectConfigService;

/** Every remote cluster is a repository, which {@code GET /_snapshot} does not show: a follower is restored from it. */
final class LeaderRepositories implements LinkedProjectConfigService.LinkedProjectConfigListener {
    private static final String NAME_PREFIX = "_ccr_";
    static final String TYPE = "_ccr_";
    /** Name and UUID of the one snapshot in each. */
    static final String SNAPSHOT = "_latest_";

    private final RepositoriesService repositories;

    private LeaderRepositories(RepositoriesService repositories) {
        this.repositories = repositories;
    }

    static void keepRegistered(RepositoriesService repositories, LinkedProjectConfigService remotes) {
        LeaderRepositories leaders = new LeaderRepositories(repositories);
        remotes.register(leaders);
        remotes.getInitialLinkedProjectConfigs().forEach(leaders::updateLinkedProject);
    }

    static String name(String remoteCluster) {
        return NAME_PREFIX + remoteCluster;
    }

    static String remoteCluster(String repositoryName) {
        return repositoryName.substring(NAME_PREFIX.length());
    }

    @Override
    public void updateLinkedProject(LinkedProjectConfig remote) {
        if (repositories.repositoryOrNull(ProjectId.DEFAULT, name(remote.linkedProjectAlias())) == null) {
            repositories.registerInternalRepository(ProjectId.DEFAULT, name(remote.linkedProjectAlias()), TYPE);
        }
    }

    @Override
    public void remove(ProjectId origin, ProjectId linked, String alias) {
        repositories.unregisterInternalRepository(ProjectId.DEFAULT, name(alias));
    }
}
