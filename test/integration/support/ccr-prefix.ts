/** Environment variable with the beginning of the names of all that a run makes in foreign clusters. */
export const runPrefixVariable = "ES_FAILOVER_CCR_CONTRACT_PREFIX";

export const newPrefix = (): string => `es-failover-contract-${Date.now().toString(36)}-`;
