/** Changes of hosts that exist, running or not. Each takes the lab's lock. */
import { outcomeOf } from "../util/run.ts";
import { type LabContext, locked } from "./context.ts";
import { ingressViolation } from "./firewall.ts";
import { hostLayout } from "./layout.ts";
import { applyRecords, plugVolume, specViolation, unplugVolume } from "./make-host.ts";
import { insideHost, powerState } from "./power.ts";
import { existingHost, readHostRecords, writeHostRecord } from "./state.ts";
import type { HostSpec, HostVolume, IngressRule } from "./types.ts";

const DEVICE_TIMEOUT_MS = 60_000;

/** Replaces the accepted inbound flows. Open connections that no rule accepts any more end at once. */
export async function setIngress(lab: LabContext, name: string, ingress: readonly IngressRule[]): Promise<void> {
  const violation = ingressViolation(ingress);
  if (violation !== undefined) throw new Error(`Host ${name}: ${violation}.`);
  await changeSpec(lab, name, (spec) => ({ ...spec, ingress }));
}

/** Attaches a volume, which is created if missing. */
export async function attachVolume(lab: LabContext, name: string, volume: HostVolume): Promise<void> {
  await changeSpec(lab, name, async (spec, others) => {
    if (spec.volumes.some((other) => other.id === volume.id)) return spec;
    const volumes = [...spec.volumes, volume];
    const violation = specViolation({ ...spec, volumes }, others);
    if (violation !== undefined) throw new Error(`Host ${name}: ${violation}.`);
    const { device, number, link } = await plugVolume(lab, name, volume);
    const makeNodes = "mknod -m 660 /dev/$0 b $1 $2 && ln -sf ../../$0 /dev/disk/by-id/$3";
    await runUnlessOff(lab, name, ["sh", "-c", makeNodes, device, ...number.split(":"), link]);
    return { ...spec, volumes };
  });
}

/** Detaches a volume, which the host should have unmounted. Keeps its data. */
export async function detachVolume(lab: LabContext, name: string, id: string): Promise<void> {
  await changeSpec(lab, name, async (spec) => {
    const unplugged = await unplugVolume(lab, name, id);
    if (unplugged !== undefined) {
      const { device, link } = unplugged;
      await runUnlessOff(lab, name, ["rm", "-f", `/dev/${device}`, `/dev/disk/by-id/${link}`]);
    }
    return { ...spec, volumes: spec.volumes.filter((volume) => volume.id !== id) };
  });
}

type SpecChange = (spec: HostSpec, others: readonly HostSpec[]) => HostSpec | Promise<HostSpec>;

async function changeSpec(lab: LabContext, name: string, change: SpecChange): Promise<void> {
  await locked(lab, async () => {
    const record = await existingHost(lab.layout, name);
    const specs = (await readHostRecords(lab.layout)).map((other) => other.spec);
    const others = specs.filter((other) => other.name !== name);
    const spec = await change(record.spec, others);
    await writeHostRecord(hostLayout(lab.layout, name), { ...record, spec });
    await applyRecords(lab, spec.region);
  });
}

/** A host that is off finds its devices at its next boot. */
async function runUnlessOff(lab: LabContext, name: string, argv: readonly string[]): Promise<void> {
  if ((await powerState(lab, name)) === "off") return;
  const [command = "", ...args] = await insideHost(lab, name, argv);
  const { exitCode, stderr } = await outcomeOf(command, args, { timeoutMs: DEVICE_TIMEOUT_MS });
  if (exitCode !== 0) throw new Error(`Host ${name}: ${argv.join(" ")} failed: ${stderr.trim()}`);
}
