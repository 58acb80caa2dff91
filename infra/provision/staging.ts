/** Where hosts have the scripts of provisioning. */
export const stagingDirectory = "/usr/local/lib/es-failover-provisioning";
