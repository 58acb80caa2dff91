import { perAnswer } from "../../util/unchanged.ts";
import type { LeaderSnapshot } from "./record-fields.ts";

/** The shards of each index: the same map for the same list, as a leader at rest has it. */
export const shardsByIndex = perAnswer((shards: LeaderSnapshot["shards"]) => Map.groupBy(shards, ({ index }) => index));
