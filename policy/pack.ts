/** The policy pack: `pulumi preview --policy-pack policy`. Each rule is a pure function below rules/. */
import { PolicyPack, type ResourceValidationPolicy, type StackValidationPolicy } from "@pulumi/policy";
import { type OtherSites, type ResourceRule, type StackRule, textOf, types } from "./model.ts";
import { resourceRules, stackRules } from "./rules/rules.ts";
import { exposedSecrets, secretWords } from "./rules/secrets.ts";
import { type Leaf, leavesOf, resourceView, stackView } from "./view.ts";

function resourcePolicy({ id, purpose, types: among, check }: ResourceRule): ResourceValidationPolicy {
  return {
    name: id,
    description: purpose,
    validateResource: (args, report) => {
      if (among.includes(args.type)) for (const message of check(resourceView(args))) report(message);
    },
  };
}

function stackPolicy({ id, purpose, check }: StackRule): StackValidationPolicy {
  return {
    name: id,
    description: purpose,
    // What `npm run preview` knows of the other stacks; a pack sees one alone.
    configSchema: {
      properties: {
        versions: { type: "object" },
        remoteClusterSecurity: { type: "object" },
        disturbed: { type: "object" },
      },
    },
    validateStack: (args, report) => {
      for (const { message, urn } of check(stackView(args), args.getConfig<OtherSites>())) report(message, urn);
    },
  };
}

/** Texts of each resource's inputs, and the secrets among them, of this run. */
const leaves = new Map<string, readonly Leaf[]>();
const words = new Set<string>();
const reported = new Set<string>();

const noPlainSecrets: ResourceValidationPolicy = {
  name: "no-plain-secrets",
  description: "No secret is in the text of a command or, unmarked, in an input of a resource.",
  // Changes nothing: only a remediation learns which of the values are secret. Its findings are as mandatory as the others.
  enforcementLevel: "remediate",
  remediateResource: ({ urn, props }) => {
    const found = leavesOf(props);
    leaves.set(urn, found);
    for (const word of secretWords(found)) words.add(word);
  },
  validateResource: ({ urn, name }, report) => {
    for (const message of exposedSecrets(name, leaves.get(urn) ?? [], words)) {
      reported.add(message);
      report(message);
    }
  },
};

/** A secret may be met in plain text before the resource that marks it; and what commands print is known at the end alone. */
const noSecretInState: StackValidationPolicy = {
  name: "no-secret-in-state",
  description: "No secret is in the state in plain text, as an input of a resource or by what a command prints.",
  validateStack: (args, report) => {
    for (const resource of stackView(args).resources) {
      const isCommand = resource.type === types.command || resource.type === types.localCommand;
      const printed = ["stdout", "stderr"].flatMap((path) => {
        const text = textOf(resource, path);
        return isCommand && text !== undefined ? [{ path, text, isSecret: false }] : [];
      });
      const inputs = leaves.get(resource.urn) ?? [];
      for (const message of exposedSecrets(resource.name, [...inputs, ...printed], words)) {
        if (!reported.has(message)) report(message, resource.urn);
      }
    }
  },
};

new PolicyPack("es-failover", {
  enforcementLevel: "mandatory",
  policies: [...resourceRules.map(resourcePolicy), noPlainSecrets, ...stackRules.map(stackPolicy), noSecretInState],
});
