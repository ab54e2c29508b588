#!/usr/bin/env python3
"""Clients that are slow, silent, half gone or endless, many at a time: others are served in their
time, and memory stays bounded. usage: slow.py NAVODOO [--full]

Where slowhttptest and wrk are installed, --full asks them as well.
"""
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time

from hooks import PATH, Door
from world import Tally

SLOWEST = 0.5  # seconds that an honest event may take, at the 99th percentile
MEMORY = 64    # MiB that all of it may add


def event(n):
    body = json.dumps({"_action": "navodoo partner(#1)", "_id": n, "_model": "res.partner"})
    return (f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


class Honest(threading.Thread):
    """One event after the other, each on a connection of its own, as Odoo sends them."""
    last = 1

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.took, self.failed, self.going = port, [], [], True

    def run(self):
        while self.going:
            begin = time.monotonic()
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
                    Honest.last += 1
                    s.sendall(event(Honest.last))
                    answer = s.recv(4096)
                if not answer.startswith(b"HTTP/1.1 200"):
                    self.failed.append(answer[:40])
            except OSError as e:
                self.failed.append(repr(e))
            self.took.append(time.monotonic() - begin)
            time.sleep(0.02)

    def end(self):
        self.going = False
        self.join(15)
        took = sorted(self.took)
        return len(took), took[len(took) // 2], took[len(took) * 99 // 100]


class Crowd:
    """Many connections of which one thread takes care."""

    def __init__(self, port):
        self.port, self.socks = port, []

    def open(self, count, first):
        for _ in range(count):
            s = socket.socket()
            try:
                s.setblocking(False)
                s.connect_ex(("127.0.0.1", self.port))
                self.socks.append(s)
            except OSError:
                s.close()
        time.sleep(0.2)
        self.say(first)

    def say(self, data):
        for s in list(self.socks):
            try:
                if data:
                    s.send(data)
            except BlockingIOError:
                pass
            except OSError:
                self.socks.remove(s)
                s.close()

    def close(self):
        for s in self.socks:
            s.close()


def idle(port, full):
    crowd = Crowd(port)
    for _ in range(20 if full else 8):
        crowd.open(500, b"")
    return crowd, b""


def slow_headers(port, full):
    crowd = Crowd(port)
    crowd.open(2000 if full else 1000, b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: x\r\nX-A: ")
    return crowd, b"a"


def slow_bodies(port, full):
    crowd = Crowd(port)
    crowd.open(2000 if full else 1000, event(1).split(b"\r\n\r\n")[0].replace(
        b"Content-Length: ", b"Content-Length: 60000\r\nX-Was: ") + b"\r\n\r\n" + b"x" * 50000)
    return crowd, b"x"


def endless_bodies(port, full):
    crowd = Crowd(port)
    crowd.open(300, b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    return crowd, b"4000\r\n" + b"x" * 0x4000 + b"\r\n"


def large_headers(port, full):
    crowd = Crowd(port)
    crowd.open(300, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Large: ")
    return crowd, b"h" * 65536  # 1 MiB after 16 rounds, if anybody listened


def half_gone(port, full):
    """The other end stops in the middle of a request and says no more, or closes its half."""
    crowd = Crowd(port)
    crowd.open(1000, b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Le")
    for s in crowd.socks[::2]:
        try:
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    return crowd, b""


def deaf(port, full):
    """Asks again and again and reads no answer."""
    crowd = Crowd(port)
    crowd.open(1000, b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
    return crowd, b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n" * 50


def under(name, make, door, port, full, tally):
    before = door.peak()
    honest = Honest(port)
    crowd, more = make(port, full)
    honest.start()
    end = time.monotonic() + (12 if full else 3)
    while time.monotonic() < end:
        crowd.say(more)
        time.sleep(0.2)
    count, middle, worst = honest.end()
    crowd.close()
    grown = door.peak() - before
    print(f"{name}: {count} honest events, {middle * 1000:.1f} ms in the middle, {worst * 1000:.1f} at the 99th "
          f"percentile, {len(honest.failed)} failed, {grown:.1f} MiB more", flush=True)
    problems = []
    if honest.failed:
        problems.append(f"{len(honest.failed)} of {count} events failed, such as {honest.failed[0]}")
    if worst > SLOWEST or count < (100 if full else 20):
        problems.append(f"{count} events, {worst:.2f} s at the 99th percentile")
    if grown > MEMORY:
        problems.append(f"memory grew by {grown:.0f} MiB")
    tally.check(name, "; ".join(problems))


def tools(port, tally):
    """Programs that others wrote."""
    url = f"http://127.0.0.1:{port}"
    if shutil.which("slowhttptest"):
        for way in ("-H", "-B", "-X"):
            honest = Honest(port)
            honest.start()
            subprocess.run(["slowhttptest", "-c", "2000", way, "-i", "2", "-r", "500", "-l", "12", "-u",
                            url + (PATH if way == "-B" else "/healthz")], capture_output=True, check=False)
            count, middle, worst = honest.end()
            print(f"slowhttptest {way}: {count} honest events, {middle * 1000:.1f} ms, {worst * 1000:.1f} at the 99th, "
                  f"{len(honest.failed)} failed", flush=True)
            tally.check(f"slowhttptest {way}", None if not honest.failed and worst < SLOWEST
                        else f"{len(honest.failed)} failed, {worst:.2f} s")
    if shutil.which("wrk"):
        out = subprocess.run(["wrk", "-t2", "-c256", "-d5s", "--latency", url + "/healthz"],
                             capture_output=True, text=True, check=False).stdout
        lines = [line.strip() for line in out.splitlines() if "99%" in line or "Requests/sec" in line or "Non-2xx" in line]
        print("wrk: " + ", ".join(lines), flush=True)
        tally.check("wrk", None if "Requests/sec" in out and "Non-2xx" not in out else out[-300:])


def main():
    full, tally = "--full" in sys.argv, Tally()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    door = Door(os.path.abspath(sys.argv[1]))
    try:
        port = door.start()
        warm = Honest(port)
        warm.start()
        time.sleep(1)
        warm.end()
        for name, make in (("10,000 idle connections" if full else "4,000 idle connections", idle),
                           ("headers a byte at a time", slow_headers), ("bodies a byte at a time", slow_bodies),
                           ("endless bodies", endless_bodies), ("headers of 1 MiB", large_headers),
                           ("half-open connections", half_gone), ("askers that read nothing", deaf)):
            under(name, make, door, port, full, tally)
        if full:
            tools(port, tally)
    finally:
        door.close()
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
