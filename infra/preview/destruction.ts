import { z } from "zod";

/** What `pulumi destroy` of a stack would delete, from the stack's state (`pulumi stack export`). */

const stateSchema = z.object({
  deployment: z.object({
    resources: z
      .array(
        z.object({
          urn: z.string(),
          type: z.string(),
          custom: z.boolean().default(false),
          protect: z.boolean().default(false),
          inputs: z.record(z.string(), z.unknown()).default({}),
        }),
      )
      .default([]),
  }),
});

export interface Destruction {
  readonly stack: string;
  /** Everything that would go. */
  readonly resources: number;
  readonly hosts: readonly string[];
  /** "gra-es-1-data (200 GB)" */
  readonly volumes: readonly string[];
  /** Those that Pulumi refuses to delete. */
  readonly protected: readonly string[];
}

const nameOf = (urn: string): string => urn.split("::").slice(3).join("::");

export function destructionOf(stack: string, exported: string): Destruction {
  const { deployment } = stateSchema.parse(JSON.parse(exported));
  const made = deployment.resources.filter(({ type, custom }) => custom && !type.startsWith("pulumi:"));
  const ofType = (type: string) => made.filter((resource) => resource.type.endsWith(`:${type}`));
  const names = (among: typeof made) => among.map(({ urn }) => nameOf(urn)).sort();
  return {
    stack,
    resources: made.length,
    hosts: names(ofType("CloudInstance")),
    volumes: ofType("CloudStorageBlockVolume")
      .map(({ urn, inputs }) => `${nameOf(urn)} (${inputs["size"]} GB)`)
      .sort(),
    protected: names(made.filter(({ protect }) => protect)),
  };
}

/** What would be lost, and what protects it. */
export function renderDestruction({ stack, resources, hosts, volumes, protected: kept }: Destruction): string {
  if (resources === 0) return `${stack}: there is nothing to destroy\n`;
  const lines = [
    `${stack}: \`pulumi destroy\` would delete ${resources} resources`,
    ...(volumes.length === 0
      ? []
      : [`  LOSES DATA  ${volumes.length} data volumes with all that is on them: ${volumes.join(", ")}`]),
    ...(hosts.length === 0
      ? []
      : [`  LOSES       ${hosts.length} hosts, with salvages and records on their disks: ${hosts.join(", ")}`]),
    "  keeps       every other stack: no stack has a resource of another one",
    kept.length === 0
      ? "  NOT PROTECTED: the next `pulumi destroy` deletes all of it"
      : `  protected   ${kept.join(", ")}: Pulumi refuses to delete them, until their protection is taken off`,
  ];
  return `${lines.join("\n")}\n`;
}
