import type { HostStatus } from "../../../lab/hosts/types.ts";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";

/** A port that somebody could try to reach. */
export interface Door {
  readonly host: string;
  readonly network: "public" | "vrack";
  readonly address: string;
  readonly port: number;
}

/** Ports that hosts often have open without anybody's knowledge, besides those that something listens on. */
const usualPorts = [80, 443, 2379, 3142, 5601, 8080, 8404, 9114, 9600];

/** How long a door that should stay shut is watched: long enough for a SYN that got lost to be sent again. */
const SHUT_FOR_MS = 3_000;
/** How long a door that should open may take on a busy machine. */
const OPENS_WITHIN_MS = 15_000;

/**
 * Knocks at all doors, one after the other without waiting: SYNs in one burst would overflow a queue on their way, and
 * be repeated in one burst. Knocks again at a door that should open and refused. Prints the positions of the doors that
 * open. Hosts have python3-minimal only.
 */
const client = `
import errno, json, select, socket, sys, time
order = json.load(sys.stdin)
expected, opened, knocking, poll = set(order["expected"]), set(), {}, select.poll()
def knock_at(position):
    knock = socket.socket()
    knock.setblocking(False)
    if knock.connect_ex(tuple(order["doors"][position])) not in (0, errno.EINPROGRESS): return
    knocking[knock.fileno()] = position, knock
    poll.register(knock, select.POLLOUT)
for position in range(len(order["doors"])):
    knock_at(position)
    time.sleep(0.005)
began = time.monotonic()
while time.monotonic() - began < (order["shutForMs"] if expected <= opened else order["opensWithinMs"]) / 1000:
    waiting = {position for position, _ in knocking.values()}
    for position in expected - opened - waiting:
        time.sleep(0.05)
        knock_at(position)
    for descriptor, _ in poll.poll(100):
        position, knock = knocking.pop(descriptor)
        poll.unregister(descriptor)
        if knock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0: opened.add(position)
        knock.close()
print(json.dumps(sorted(opened)))`;

/** Which doors open for a host, or for the controller's network. Waits longer for those that are expected to. */
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
  };
  const { exitCode, stdout, stderr } = await system.run(from, ["python3", "-c", client], JSON.stringify(order));
  if (exitCode !== 0) throw new Error(`knocking from ${from} failed: ${stderr}`);
  const positions = new Set(JSON.parse(stdout) as number[]);
  return doors.filter((_, position) => positions.has(position));
}

/** Every port of every host, over both of its addresses, that anything listens on anywhere, and the usual ones. */
export async function allDoors(system: TwoRegions): Promise<readonly Door[]> {
  const hosts = await system.lab.hosts();
  const listened = await Promise.all(hosts.map(({ name }) => listeningPorts(system, name)));
  const ports = [...new Set([...listened.flat(), ...usualPorts])];
  return hosts.flatMap((host) =>
    addressesOf(host).flatMap((place) => ports.map((port) => ({ host: host.name, ...place, port }))),
  );
}

function addressesOf({ publicIp, privateIp }: HostStatus): readonly Pick<Door, "network" | "address">[] {
  const vrack = privateIp === undefined ? [] : [{ network: "vrack", address: privateIp } as const];
  return [{ network: "public", address: publicIp }, ...vrack];
}

/** Ports that a host itself says something listens on. */
async function listeningPorts(system: TwoRegions, host: string): Promise<readonly number[]> {
  const { exitCode, stdout, stderr } = await system.lab.exec(host, ["ss", "-Hltn"]);
  if (exitCode !== 0) throw new Error(`${host}: ss: ${stderr}`);
  return stdout
    .trim()
    .split("\n")
    .map((line) => Number(/:(\d+)$/.exec(line.trim().split(/\s+/)[3] ?? "")?.[1]));
}
