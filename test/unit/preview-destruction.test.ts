import { expect, test } from "vitest";
import { destructionOf, renderDestruction } from "../../infra/preview/destruction.ts";

const resource = (type: string, name: string, extra: object = {}) => ({
  urn: `urn:pulumi:gra::es-failover::es-failover:index:Region$${type}::${name}`,
  type,
  custom: true,
  ...extra,
});
const [instance, volume] = [
  "ovh:index/cloudInstance:CloudInstance",
  "ovh:index/cloudStorageBlockVolume:CloudStorageBlockVolume",
];
const exported = (...resources: readonly object[]) => JSON.stringify({ deployment: { resources } });

const state = exported(
  resource("pulumi:providers:ovh", "default"),
  resource("es-failover:index:Region", "gra", { custom: false }),
  resource(instance, "gra-haproxy-1", { protect: true }),
  resource(instance, "gra-es-1", { protect: true }),
  resource(volume, "gra-es-1-data", { protect: true, inputs: { size: 200 } }),
  resource("ovh:index/cloudSSHKey:CloudSSHKey", "gra-ssh-key"),
);

test("before a destruction, what is lost is said with its size, what stays, and the step that protection demands", () => {
  expect(renderDestruction(destructionOf("gra", state))).toBe(`gra: \`pulumi destroy\` would delete 4 resources
  LOSES DATA  1 data volumes with all that is on them: gra-es-1-data (200 GB)
  LOSES       2 hosts, with salvages and records on their disks: gra-es-1, gra-haproxy-1
  keeps       every other stack: no stack has a resource of another one
  protected   gra-es-1, gra-es-1-data, gra-haproxy-1: Pulumi refuses to delete them, until their protection is taken off
`);
});

test("an unprotected stack is named as such, and an empty one has nothing to lose", () => {
  const open = exported(resource(instance, "gra-es-1"));
  expect(renderDestruction(destructionOf("gra", open))).toContain(
    "NOT PROTECTED: the next `pulumi destroy` deletes all of it",
  );
  expect(renderDestruction(destructionOf("gra", exported()))).toBe("gra: there is nothing to destroy\n");
  expect(renderDestruction(destructionOf("gra", JSON.stringify({ deployment: {} })))).toContain("nothing to destroy");
});
