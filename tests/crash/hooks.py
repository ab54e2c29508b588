"""Webhooks and kill -9: what was answered 2xx is a job on disk. And floods: what is too
much is told to come back, and memory stays where it was.

  hooks.py NAVODOO HOOKLOAD [KILLS]

The ERPs of this engine are down, so that nothing but the hook can make a job and nobody
does it: what is on disk afterwards is exactly what was stored.
"""
import hashlib
import hmac
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from world import Tally, seconds

MASTER = "the-master-secret-of-the-hooks"
PATH = "/hooks/partner/" + hmac.new(MASTER.encode(), b"partner", hashlib.sha256).hexdigest()[:32]
FLOW = """local navodoo = require "navodoo"
return navodoo.flow "customer" {
  nav  = { read = "CustomerCard", key = "No", watch = { stamp = "Last_Date_Modified", every = "1h" } },
  odoo = { model = "res.partner", watch = { hook = "partner", every = "1h" } },
  link = { xmlid = "customer" },
  fields = { { "No", "ref", owner = "nav" }, { "Name", "name" } },
}
"""
CONFIG = """local secret = require "navodoo".secret
return { environments = { dev = {
  nav  = { kind = "nav", url = "http://127.0.0.1:9/NAV/ODataV4", company = "CRONUS", user = "navodoo",
           password = secret "NAV_PASSWORD" { default = "x" } },
  odoo = { kind = "odoo", url = "http://127.0.0.1:9", database = "x", user = "x",
           password = secret "ODOO_PASSWORD" { default = "x" }, hook_secret = secret "HOOK_SECRET" } } } }
"""


class Door:
    def __init__(self, navodoo):
        self.navodoo = navodoo
        self.work = tempfile.TemporaryDirectory(prefix="navodoo-hooks-")
        self.flows = os.path.join(self.work.name, "flows")
        self.state = os.path.join(self.work.name, "state")
        os.mkdir(self.flows)
        for name, text in (("customer.lua", FLOW), ("navodoo.lua", CONFIG)):
            with open(os.path.join(self.flows, name), "w", encoding="utf-8") as f:
                f.write(text)
        self.engine, self.starts = None, 0

    def start(self, failpoint=None):
        """Starts the engine; answers its port, or None when it died before it listened."""
        self.starts += 1
        log = os.path.join(self.work.name, f"log{self.starts}")
        env = dict(os.environ, NAVODOO_HOOK_SECRET=MASTER)
        env.pop("NAVODOO_FAILPOINT", None)
        if failpoint:
            env["NAVODOO_FAILPOINT"] = failpoint
        with open(log, "wb") as f:
            self.engine = subprocess.Popen([self.navodoo, "run", self.flows, "--state", self.state, "--listen",
                                            "127.0.0.1:0"], stderr=f, env=env)
        for _ in range(200):
            with open(log, encoding="utf-8") as f:
                found = re.search(r'"port":(\d+)', f.read())
            if found:
                return int(found.group(1))
            if self.engine.poll() is not None:
                return None
            time.sleep(0.05)
        raise AssertionError("the engine does not listen")

    def end(self, how):
        self.engine.send_signal(how)
        self.engine.wait(30)

    def peak(self):
        with open(f"/proc/{self.engine.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1)) / 1024

    def stored(self):
        """Records of the jobs that the stopped engine left."""
        out = subprocess.run([self.navodoo, "jobs", "--state", self.state, "--limit", "1000000", "--json"],
                             capture_output=True, check=True).stdout
        return {int(j["record"]) for j in json.loads(out)["jobs"] if j["direction"] == "odoo_to_nav"}

    def close(self):
        if self.engine.poll() is None:
            self.end(signal.SIGTERM)
        self.work.cleanup()


class Sender(threading.Thread):
    """Sends events one after the other until the connection breaks; remembers what was
    answered 200."""

    def __init__(self, port, first, step):
        super().__init__()
        self.port, self.id, self.step = port, first, step
        self.answered = set()

    def run(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as s:
                while True:
                    body = json.dumps({"_action": "navodoo partner(#1)", "_id": self.id, "_model": "res.partner"})
                    s.sendall((f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                               f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
                    answer = b""
                    while b'"stored"' not in answer:
                        more = s.recv(4096)
                        if not more:
                            return
                        answer += more
                    if answer.startswith(b"HTTP/1.1 200"):
                        self.answered.add(self.id)
                    self.id += self.step
        except OSError:
            return


def kills(navodoo, tally, count):
    rng, door, answered, next_id = random.Random(7), Door(navodoo), set(), 1
    begin = time.monotonic()
    try:
        for i in range(count):
            # every other kill at an exact place: around the commit of some event
            place = rng.choice(["store.before_commit", "store.after_commit"]) if i % 2 else None
            port = door.start(f"{place}:{rng.randint(8, 60)}" if place else None)
            if port is None:
                continue
            senders = [Sender(port, next_id + k, 8) for k in range(8)]
            for s in senders:
                s.start()
            if not place:
                time.sleep(rng.uniform(0.02, 0.4))
                door.end(signal.SIGKILL)
            for s in senders:
                s.join(30)
            if door.engine.poll() is None:
                door.end(signal.SIGKILL)
            for s in senders:
                answered |= s.answered
                next_id = max(next_id, s.id + 8)
        lost = answered - door.stored()
        problem = f"{len(lost)} of {len(answered)} lost, such as {sorted(lost)[:5]}" if lost else None
        if len(answered) < 20 * count:
            problem = problem or f"only {len(answered)} events were answered"
        tally.check(f"{count} kills, {len(answered)} events answered, none lost, {seconds(begin)}", problem)
    finally:
        door.close()


def flood(navodoo, hookload, tally):
    def send(port, connections, events, first):
        out = subprocess.run([hookload, str(port), PATH, str(connections), str(events), str(first)],
                             capture_output=True, check=True).stdout
        return json.loads(out)

    door = Door(navodoo)
    try:
        port = door.start()
        send(port, 64, 5000, 1)
        before = door.peak()
        crowd = send(port, 500, 30000, 5001)
        tally.check("500 senders at once: some are told to come back, nobody is refused otherwise",
                    None if set(crowd["status"]) == {"200", "429"} else str(crowd["status"]))
        full = send(port, 64, 90000, 35001)
        tally.check("more events wait than the high-water mark allows: the sender is told to come back",
                    None if full["status"].get("429", 0) > 5000 and full["status"].get("200", 0) > 1000
                    else str(full["status"]))
        grown = door.peak() - before
        tally.check(f"memory stays where it was ({before:.0f} MiB, {grown:.0f} more)",
                    None if grown < 48 else f"grew by {grown:.0f} MiB")
        door.end(signal.SIGTERM)
        stored = len(door.stored())
        accepted = 5000 + crowd["status"].get("200", 0) + full["status"].get("200", 0)
        tally.check("what was accepted is stored, and nothing else",
                    None if stored == accepted else f"{stored} stored, {accepted} accepted")
        tally.check("the mark holds", None if stored <= 110000 else f"{stored} jobs")
    finally:
        door.close()


def main():
    tally = Tally()
    kills(sys.argv[1], tally, int(sys.argv[3]) if len(sys.argv) > 3 else 12)
    flood(sys.argv[1], sys.argv[2], tally)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
