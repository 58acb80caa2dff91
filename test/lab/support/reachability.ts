import type { HostStatus } from "../../../lab/hosts/types.ts";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";

/** A port of a host. */
export interface Door {
  readonly host: string;
  readonly network: "public" | "vrack";
  readonly address: string;
  readonly port: number;
}

/** Ports that are often open by oversight; tried besides those that a host listens on. */
const usualPorts = [80, 443, 2379, 8080];

/** How long a port that should be closed is tried: long enough for a lost SYN to be sent again. */
const SHUT_FOR_MS = 2_500;
/** How long a port that should be open may take to answer on a busy machine. */
const OPENS_WITHIN_MS = 30_000;
/** Interval of new attempts at a port that should be open: the kernel's own waits between SYNs soon grow to seconds. */
const AGAIN_AFTER_MS = 2_000;

/**
 * Connects to all ports, one after the other without waiting for answers: SYNs in one burst would overflow a queue on
 * their way, and be repeated in one burst. Prints the positions of the open ports, and the error of each expected one
 * that is not. Hosts have python3-minimal only.
 */
const client = `
import errno, json, select, socket, sys, time
order = json.load(sys.stdin)
expected, opened, failed, knocking, poll = set(order["expected"]), set(), {}, {}, select.poll()
def knock_at(position):
    knock = socket.socket()
    knock.setblocking(False)
    if knock.connect_ex(tuple(order["doors"][position])) not in (0, errno.EINPROGRESS): return
    knocking[knock.fileno()] = position, knock
    poll.register(knock, select.POLLOUT)
    time.sleep(0.005)
for position in range(len(order["doors"])): knock_at(position)
began = knocked = time.monotonic()
while time.monotonic() - began < (order["shutForMs"] if expected <= opened else order["opensWithinMs"]) / 1000:
    if time.monotonic() - knocked > order["againAfterMs"] / 1000:
        knocked = time.monotonic()
        for position in expected - opened: knock_at(position)
    for descriptor, _ in poll.poll(100):
        position, knock = knocking.pop(descriptor)
        poll.unregister(descriptor)
        error = knock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error == 0: opened.add(position)
        else: failed[position] = errno.errorcode[error]
        knock.close()
print(json.dumps({"opened": sorted(opened), "failed": {p: failed.get(p, "no answer") for p in expected - opened}}))`;

/**
 * The ports that are open for a host, or for the controller's network. Waits longer for those that are expected to be.
 *
 * @throws Error with the reason when an expected one is not open
 */
export async function openFor(
  system: TwoRegions,
  from: string,
  doors: readonly Door[],
  isExpected: (door: Door) => boolean,
): Promise<readonly Door[]> {
  const order = {
    doors: doors.map(({ address, port }) => [address, port]),
    expected: doors.flatMap((door, position) => (isExpected(door) ? [position] : [])),
    shutForMs: SHUT_FOR_MS,
    opensWithinMs: OPENS_WITHIN_MS,
    againAfterMs: AGAIN_AFTER_MS,
  };
  const { exitCode, stdout, stderr } = await system.hosts.run(from, ["python3", "-c", client], JSON.stringify(order));
  if (exitCode !== 0) throw new Error(`cannot try ports from ${from}: ${stderr}`);
  const { opened, failed } = JSON.parse(stdout) as { opened: number[]; failed: Record<string, string> };
  for (const [position, reason] of Object.entries(failed)) {
    const door = doors[Number(position)];
    throw new Error(`${door?.host} (${door?.network}) ${door?.port} is not open for ${from}: ${reason}`);
  }
  return doors.filter((_, position) => opened.includes(position));
}

/** Both addresses of every host with every port that any host listens on, and the usual ones. */
export async function allDoors(system: TwoRegions): Promise<readonly Door[]> {
  const hosts = await system.lab.hosts();
  const listened = await Promise.all(hosts.map(({ name }) => listeningPorts(system, name)));
  const ports = [...new Set([...listened.flat(), ...usualPorts])];
  return hosts.flatMap((host) =>
    addressesOf(host).flatMap((place) => ports.map((port) => ({ host: host.name, ...place, port }))),
  );
}

function addressesOf({ publicIp, privateIp }: HostStatus): readonly Pick<Door, "network" | "address">[] {
  const outside = publicIp === undefined ? [] : [{ network: "public", address: publicIp } as const];
  const vrack = privateIp === undefined ? [] : [{ network: "vrack", address: privateIp } as const];
  return [...outside, ...vrack];
}

/** The ports that a host listens on. */
async function listeningPorts(system: TwoRegions, host: string): Promise<readonly number[]> {
  const { exitCode, stdout, stderr } = await system.lab.exec(host, ["ss", "-Hltn"]);
  if (exitCode !== 0) throw new Error(`${host}: ss: ${stderr}`);
  return stdout
    .trim()
    .split("\n")
    .map((line) => Number(/:(\d+)$/.exec(line.trim().split(/\s+/)[3] ?? "")?.[1]));
}
