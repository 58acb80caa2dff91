import {
  ofType,
  type ResourceRule,
  type ResourceView,
  type StackRule,
  type StackView,
  types,
  unknown,
} from "../model.ts";

export const hostsAreProtected: ResourceRule = {
  id: "hosts-are-protected",
  purpose: "Instances and volumes are protected against deletion and replacement.",
  types: [types.instance, types.volume],
  check: ({ type, name, isProtected }) => {
    if (isProtected) return [];
    const what = type === types.volume ? "data volume" : "host";
    return [
      `The ${what} ${name} is not protected, so that a changed setting may replace it: remove es-failover:protect, which is true by ` +
        "default. To delete it on purpose: `pulumi state unprotect` (docs/operations.md, A region that is given up).",
    ];
  },
};

/**
 * Data hosts that the change would take down: those that exist, and whose instance or volume is replaced or resized. A
 * preview does not tell its steps to a policy; but it knows the key of a host that exists, and not the state of what it will
 * change. A host that is new has neither.
 */
export function disturbedHosts(stack: StackView): readonly ResourceView[] {
  const named = (type: string, name: string) => ofType(stack, type).find((resource) => resource.name === name);
  return ofType(stack, types.instance).filter((instance) => {
    const volume = named(types.volume, `${instance.name}-data`);
    const key = named(types.privateKey, `${instance.name}-key`)?.props["privateKeyPem"];
    if (volume === undefined || typeof key !== "string") return false;
    return [instance, volume].some(({ props }) => props["currentState"] === unknown);
  });
}

export const oneDataHostAtATime: StackRule = {
  id: "one-data-host-at-a-time",
  purpose: "A change replaces or resizes one data host at most, and none while the other region's change does.",
  check: (stack, { disturbed = {} }) => {
    const hosts = disturbedHosts(stack);
    const [first] = hosts;
    if (first === undefined) return [];
    const names = hosts.map(({ name }) => name).join(", ");
    const elsewhere = Object.entries(disturbed).filter(
      ([site, among]) => site !== stack.declared?.site && among.length > 0,
    );
    return [
      ...(hosts.length === 1
        ? []
        : [
            {
              urn: first.urn,
              message:
                `The change replaces or resizes ${hosts.length} data hosts at once (${names}): copies of a shard on them go with them. ` +
                "Change one at a time, with es-failover:resize or `pulumi up --target`, and wait for green (docs/operations.md, Changing things).",
            },
          ]),
      ...elsewhere.map(([site, among]) => ({
        urn: first.urn,
        message:
          `The change takes down ${names}, and the one that is pending in ${site} takes down ${among.join(", ")}: never change data ` +
          "hosts of both regions at once. Finish one region first.",
      })),
    ];
  },
};
