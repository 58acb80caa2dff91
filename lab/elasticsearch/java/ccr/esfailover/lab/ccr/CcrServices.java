package esfailover.lab.ccr;

/** The parts of the plugin that actions use. */
final class CcrServices {
    final CcrClient client;
    final RetentionLeases leases;
    final ShardFollowTasks tasks;
    final AutoFollowCoordinator autoFollow;

    CcrServices(CcrClient client, RetentionLeases leases, ShardFollowTasks tasks, AutoFollowCoordinator autoFollow) {
        this.client = client;
        this.leases = leases;
        this.tasks = tasks;
        this.autoFollow = autoFollow;
    }
}
