package esfailover.lab.ccr;

import org.elasticsearch.cluster.routing.allocation.AllocationService;

/** The parts of the plugin that actions use. */
final class CcrServices {
    final CcrClient client;
    final RetentionLeases leases;
    final ShardFollowTasks tasks;
    final AutoFollowCoordinator autoFollow;
    final AllocationService allocation;

    CcrServices(
        CcrClient client,
        RetentionLeases leases,
        ShardFollowTasks tasks,
        AutoFollowCoordinator autoFollow,
        AllocationService allocation
    ) {
        this.client = client;
        this.leases = leases;
        this.tasks = tasks;
        this.autoFollow = autoFollow;
        this.allocation = allocation;
    }
}
