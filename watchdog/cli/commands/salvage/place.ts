import path from "node:path";
import { InvalidArgumentError, Option } from "commander";
import { senderSchema } from "../../../salvage/copies/place.ts";
import { receivedRoot } from "../../../salvage/copies/received.ts";
import { salvageRoot } from "../../../salvage/salvage.ts";

export interface PlaceOption {
  readonly of?: string;
}

export const placeOption = () =>
  new Option("--of <watchdog>", "the copies that this host keeps for a watchdog of another site").argParser((name) => {
    const parsed = senderSchema.safeParse(name);
    if (!parsed.success) throw new InvalidArgumentError(`"${name}" is no watchdog's name.`);
    return parsed.data;
  });

/** Directory of this host's own exports, or of the copies of another's. */
export const placeOf = (stateDirectory: string, { of }: PlaceOption): string =>
  of === undefined ? salvageRoot(stateDirectory) : path.join(receivedRoot(stateDirectory), of);
