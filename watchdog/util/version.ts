/** Set by the bundler; absent when the sources run as they are. */
declare const ES_FAILOVER_VERSION: string | undefined;

export const version: string = typeof ES_FAILOVER_VERSION === "string" ? ES_FAILOVER_VERSION : "from source";
