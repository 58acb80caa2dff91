import type { IndexState } from "../state/cluster.ts";
import { isManaged, type ManagedPatterns } from "../state/patterns.ts";
import { notStarted, type StepOf } from "../state/plan.ts";
import type { LeaderSnapshot } from "../state/record-fields.ts";

/** What the choice of write indices depends on. */
export interface AliasKnowledge {
  /** The old region's choice; null when this watchdog has never seen it. */
  readonly leader: LeaderSnapshot | null;
  /** The region to promote, where it has been observed. */
  readonly indices: readonly IndexState[];
  readonly managed: ManagedPatterns;
}

/**
 * The write index of each alias. CCR sets `is_write_index` to false on every follower, so after a promotion an alias
 * accepts no write until it is set again: to the old region's choice; where that index is not promoted, to the newest
 * generation that is; or to the alias's only index. CCR brings aliases a while after following began, so those of the old
 * region count for a follower without any. An alias outside the managed patterns is left out: the watchdog has no
 * privilege to change it, and the failed step would block the rest.
 */
export function writeAliasStep(promoted: readonly string[], known: AliasKnowledge): StepOf<"write-aliases"> {
  const { leader, indices, managed } = known;
  const inDataStream = new Set(indices.filter(({ dataStream }) => dataStream !== null).map(({ name }) => name));
  const members = membersOf(
    promoted.filter((name) => !inDataStream.has(name)),
    known,
  );
  const chosen = new Map(
    (leader?.writeAliases ?? [])
      .filter(({ alias }) => isManaged(managed, alias))
      .map(({ alias, index }) => [alias, index]),
  );
  const createdAt = new Map(indices.map(({ name, createdAtMs }) => [name, createdAtMs]));
  const aliases = [...members].flatMap(([alias, names]) => {
    const choice = chosen.get(alias);
    if (choice !== undefined && names.includes(choice)) return [{ alias, index: choice, insteadOf: null }];
    // A watchdog that never saw the old region takes a series of generations for a write alias.
    const isWritten = choice !== undefined || names.length === 1 || (leader === null && names.every(isGeneration));
    const newest = isWritten ? newestOf(names, createdAt) : undefined;
    return newest === undefined ? [] : [{ alias, index: newest, insteadOf: choice ?? null }];
  });
  const unset = [...chosen.keys()].filter((alias) => !members.has(alias));
  return { kind: "write-aliases", ...notStarted, aliases, unset };
}

/** The promoted indices of each managed alias, by both regions. */
function membersOf(
  promoted: readonly string[],
  { leader, indices, managed }: AliasKnowledge,
): ReadonlyMap<string, readonly string[]> {
  const members = new Map<string, Set<string>>();
  const isPromoted = new Set(promoted);
  const add = (alias: string, name: string | undefined) => {
    if (name === undefined || !isPromoted.has(name) || !isManaged(managed, alias)) return;
    members.set(alias, (members.get(alias) ?? new Set()).add(name));
  };
  for (const { name, aliases } of indices) for (const { alias } of aliases) add(alias, name);
  for (const { alias, members: positions } of leader?.aliases ?? [])
    for (const position of positions) add(alias, leader?.indices[position]);
  for (const { alias, index } of leader?.writeAliases ?? []) add(alias, index);
  return new Map([...members].map(([alias, names]) => [alias, [...names].toSorted()]));
}

/** Rollover ends the names of an alias's indices with a number that counts up. */
const generationOf = (name: string): number | null => {
  const digits = /-(\d+)$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
};
const isGeneration = (name: string) => generationOf(name) !== null;

/** By generation where every name has one, else by creation; then by name. */
function newestOf(names: readonly string[], createdAt: ReadonlyMap<string, number>): string | undefined {
  const isSeries = names.every(isGeneration);
  const ageOf = (name: string) => (isSeries ? (generationOf(name) ?? 0) : (createdAt.get(name) ?? 0));
  return names.toSorted((a, b) => ageOf(a) - ageOf(b) || (a < b ? -1 : 1)).at(-1);
}
