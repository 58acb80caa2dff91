/** Set by the bundler; absent when the program runs from source. */
declare const ES_FAILOVER_VERSION: string | undefined;

export const version: string = typeof ES_FAILOVER_VERSION === "string" ? ES_FAILOVER_VERSION : "from source";
