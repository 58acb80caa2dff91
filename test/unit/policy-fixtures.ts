import { declaredOf } from "../../infra/declared.ts";
import { createCertificateAuthority } from "../../infra/init/certificate-authority.ts";
import { firewallGroupsOf, ingressOf, regionPlan } from "../../infra/topology/model.ts";
import { planTopology } from "../../infra/topology/plan.ts";
import { type ResourceView, type StackView, types } from "../../policy/model.ts";
import { testConfig } from "./infra-fixtures.ts";

const view = (
  type: string,
  name: string,
  props: ResourceView["props"],
  extra: Partial<ResourceView> = {},
): ResourceView => ({
  type,
  name,
  urn: `urn:${name}`,
  props,
  isProtected: true,
  sources: {},
  ...extra,
});

/** A region that is provisioned and keeps every rule, as the rules see it. */
export async function fittingStack(changes: Readonly<Record<string, string>> = {}): Promise<StackView> {
  const config = testConfig(changes);
  const topology = planTopology(config);
  const { hosts } = regionPlan(topology, "gra");
  const place = { region: "GRA11" };
  const { certificatePem } = await createCertificateAuthority();
  const groups = new Set(hosts.flatMap((host) => firewallGroupsOf(topology, host)));
  const rules = (group: keyof typeof topology.ingress) =>
    ingressOf(topology, "gra", group).map(({ protocol, port, source }) => ({
      direction: "INGRESS",
      protocol: protocol.toUpperCase(),
      ...(port === undefined ? {} : { portRangeMin: port, portRangeMax: port }),
      remoteIpPrefix: source,
    }));
  const { gatewayModel } = regionPlan(topology, "gra");
  return {
    declared: declaredOf(config, topology),
    resources: [
      ...(gatewayModel === null
        ? []
        : [view(types.gateway, "gra-gateway", { ...place, externalGateway: { enabled: true, model: gatewayModel } })]),
      ...[...groups].map((group) =>
        view(types.securityGroup, `gra-${group}`, { ...place, name: `es-failover-gra-${group}`, rules: rules(group) }),
      ),
      ...["elasticsearch", "haproxy"].map((role) =>
        view(types.group, `gra-${role}-group`, { ...place, policy: "ANTI_AFFINITY" }),
      ),
      ...hosts.flatMap(({ name, role, privateIp: ip, hasPublicAddress }) => [
        view(
          types.instance,
          name,
          {
            ...place,
            groupId: `${role}-id`,
            securityGroupIds: ["id"],
            networks: [
              ...(hasPublicAddress ? [{ autoAssignPublicIp: true }] : []),
              { networkId: "n", subnetId: "s", ip },
            ],
            currentState: { name },
          },
          { sources: { groupId: [`gra-${role}-group`] } },
        ),
        ...(role === "elasticsearch" ? [view(types.volume, `${name}-data`, { ...place, currentState: { name } })] : []),
        view(types.privateKey, `${name}-key`, { privateKeyPem: `key of ${name}` }),
        view(types.certificate, `${name}-certificate`, {
          caCertPem: certificatePem,
          certPem: certificatePem,
          validityPeriodHours: 24 * 397,
        }),
      ]),
    ],
  };
}

/** The stack with some properties, or anything else, of one resource changed. */
export function changed(
  stack: StackView,
  name: string,
  props: ResourceView["props"],
  extra: Partial<ResourceView> = {},
): StackView {
  if (!stack.resources.some((resource) => resource.name === name)) throw new Error(`no resource ${name}`);
  const resources = stack.resources.map((resource) =>
    resource.name === name ? { ...resource, ...extra, props: { ...resource.props, ...props } } : resource,
  );
  return { ...stack, resources };
}
