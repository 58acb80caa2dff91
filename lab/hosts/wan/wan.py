"""The WAN between the lab's regions.

Replaces the kernel's netem, which many kernels lack. The network namespace of each region's router has one TUN device per
other region ("wan-bhs" in gra, and so on). A packet that is routed into a device leaves its counterpart after the delay and
jitter of that direction, or never if the direction loses it or is cut. A direction with a rate sends one packet after the other, and drops those that
would wait too long.

    wan.py SETTINGS APPLIED REGION=NAMESPACE...

SETTINGS is a JSON file, read at the start and again on SIGHUP:
    {"revision": 7, "directions": [{"from": "gra", "to": "bhs", "delayMs": 40, "jitterMs": 0, "lossPercent": 0,
                                    "rateMbit": 0, "cut": false}, ...]}
Once they are in force, also for packets in transit, their revision is written to APPLIED.
"""

import collections
import ctypes
import fcntl
import itertools
import json
import os
import random
import select
import signal
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
IFF_VNET_HDR = 0x4000
TUNSETOFFLOAD = 0x400454D0
TUN_F_CSUM = 0x01
TUN_F_TSO4 = 0x02
# A direction holds at most this many packets and drops more, as a router with a finite buffer does.
QUEUE_LENGTH_MAX = 20_000
# A packet that would wait longer for those before it is dropped: the buffer of a router.
BUFFER_SECONDS = 0.1
# Of IPv4, and its header for segmentation.
PACKET_BYTES_MAX = 65535 + 10
# Packets read from one device before the next device is served.
BATCH = 64

libc = ctypes.CDLL(None, use_errno=True)


def enter_network(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns", path)
    finally:
        os.close(descriptor)


def open_tun(name):
    """Makes a TUN device in the current network namespace, where it stays when the process enters another one."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    # A packet comes with a header that tells how it is to be segmented, and leaves with it.
    flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    return descriptor


def set_segmentation(descriptor, whole):
    """Whether the kernel segments TCP's data before this process gets it, or hands over up to 64 KB in one packet."""
    fcntl.ioctl(descriptor, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 if whole else 0)


class Direction:
    """One direction of one line: a queue of packets in the order of sending."""

    def __init__(self):
        self.exit = -1
        self.delay = self.jitter = self.loss = 0.0
        # Bytes per second; 0 for no limit.
        self.rate = 0.0
        self.idle_from = 0.0
        self.cut = False
        self.queue = collections.deque()
        self.last_due = 0.0

    def send(self, packet, now):
        if self.cut or random.random() < self.loss or len(self.queue) >= QUEUE_LENGTH_MAX:
            return
        sent = now
        if self.rate > 0:
            begins = max(now, self.idle_from)
            if begins - now > BUFFER_SECONDS:
                return
            self.idle_from = sent = begins + len(packet) / self.rate
        due = sent + self.delay + random.uniform(0, self.jitter)
        # Jitter must not reorder packets: TCP takes reordering for loss, and a real line keeps the order.
        self.last_due = due = max(due, self.last_due)
        self.queue.append((due, packet))

    def deliver(self, now):
        while self.queue and self.queue[0][0] <= now:
            _, packet = self.queue.popleft()
            if self.cut:
                continue
            try:
                os.write(self.exit, packet)
            except OSError:
                pass  # The device is down or its buffer is full: the packet is lost.


def main():
    settings_file, applied_file, *regions = sys.argv[1:]
    namespaces = dict(region.split("=", 1) for region in regions)
    directions = {pair: Direction() for pair in itertools.permutations(namespaces, 2)}
    entries = {}
    for here, namespace in namespaces.items():
        enter_network(namespace)
        for there in namespaces:
            if there != here:
                descriptor = open_tun("wan-" + there)
                entries[descriptor] = directions[here, there]
                directions[there, here].exit = descriptor

    def load(*_):
        with open(settings_file, encoding="utf-8") as file:
            settings = json.load(file)
        for entry in settings["directions"]:
            direction = directions[entry["from"], entry["to"]]
            direction.delay = entry["delayMs"] / 1000
            direction.jitter = entry["jitterMs"] / 1000
            direction.loss = entry["lossPercent"] / 100
            direction.rate = entry["rateMbit"] * 1_000_000 / 8
            direction.cut = entry["cut"]
        for descriptor, direction in entries.items():
            # Losses have to hit single packets. Where there are none, larger ones take less processor time.
            set_segmentation(descriptor, whole=direction.loss == 0)
        with open(applied_file + ".new", "w", encoding="utf-8") as file:
            file.write(str(settings["revision"]))
        os.replace(applied_file + ".new", applied_file)

    load()
    signal.signal(signal.SIGHUP, load)
    print("ready", flush=True)

    while True:
        dues = [direction.queue[0][0] for direction in directions.values() if direction.queue]
        wait = max(0.0, min(dues) - time.monotonic()) if dues else None
        readable, _, _ = select.select(list(entries), [], [], wait)
        now = time.monotonic()
        for descriptor in readable:
            for _ in range(BATCH):
                try:
                    packet = os.read(descriptor, PACKET_BYTES_MAX)
                except BlockingIOError:
                    break
                entries[descriptor].send(packet, now)
        now = time.monotonic()
        for direction in directions.values():
            direction.deliver(now)


main()
