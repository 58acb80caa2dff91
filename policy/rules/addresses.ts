import { type Finding, isObject, ofType, type ResourceView, type StackRule, type StackView, types } from "../model.ts";

export const publicAddressesAsDeclared: StackRule = {
  id: "public-addresses-as-declared",
  purpose: "A host that is to have no public address has none, and its site has a gateway.",
  check: (stack) => {
    const hidden = (stack.declared?.hosts ?? []).filter(
      ({ site, hasPublicAddress }) => site === stack.declared?.site && !hasPublicAddress,
    );
    if (hidden.length === 0) return [];
    const exposed = ofType(stack, types.instance).flatMap((instance): readonly Finding[] => {
      const host = hidden.find(({ name }) => name === instance.name);
      if (host === undefined || !isReachable(instance, host.privateIp)) return [];
      const message =
        `${instance.name} has an interface besides its address ${host.privateIp} in the private network, and is to have no public one: ` +
        `remove it from networks, or change publicAddresses of ${host.site}.`;
      return [{ urn: instance.urn, message }];
    });
    return [...exposed, ...missingGateway(stack)];
  },
};

/** Whether it has more than its pinned address: a public interface, or a floating address. */
function isReachable({ props }: ResourceView, privateIp: string): boolean {
  const networks = Array.isArray(props["networks"]) ? props["networks"].filter(isObject) : [];
  return networks.some(({ networkId, ip }) => !networkId || (typeof ip === "string" && ip !== privateIp));
}

function missingGateway(stack: StackView): readonly Finding[] {
  const isWay = ({ props }: ResourceView) =>
    isObject(props["externalGateway"]) && props["externalGateway"]["enabled"] === true;
  if (ofType(stack, types.gateway).some(isWay)) return [];
  const message =
    `${stack.declared?.site} has hosts without a public address, and no gateway: they cannot install packages. Make a CloudGateway ` +
    "with an external gateway on their subnet.";
  return [{ message }];
}
