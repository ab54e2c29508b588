"""Webhooks and work on both sides while the engine is killed every 50 to 500 ms.

  storm.py NAVODOO [--kills N] [--events N] [--seed N]

People change every kind of record in both systems; each change in Odoo is followed by its
webhook, which comes again until it is answered 2xx (Odoo itself would post it once: what
counts here is what was answered). Replies are cut and writes applied late. Each record
carries a number on either side that only grows: seen from outside it never goes back, and
in the end both systems hold the last one. New records are there once.
"""
import argparse
import hashlib
import hmac
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

from kinds import KINDS, TABLES, Families, key_of, problems, text, waiting, wire_key
from world import Tally, World, seconds

SENDERS = 4
WAIT = "3m"
HOOK = "/hooks/partner/" + hmac.new(b"sandbox", b"partner", hashlib.sha256).hexdigest()[:32]
NAV_PHONE, ODOO_MAIL = re.compile(r"^\+999 \d+ (\d+)$"), re.compile(r"^n\d+x(\d+)@example.com$")
KEPT = 700  # names of new records are looked for at the end: not more than this many a side


def name_of(*parts):
    """A name that is like no other: what looks alike waits for a person."""
    return "Firma " + hashlib.sha256(repr(parts).encode()).hexdigest()[:20]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Engine:
    """`navodoo run` with a listener, killed and started again."""

    def __init__(self, world):
        self.world, self.port, self.process = world, free_port(), None
        self.flows = os.path.join(world.work.name, "flows")
        shutil.copytree("flows", self.flows)
        for kind in KINDS:  # polls that a life of half a second has a chance to make
            path = os.path.join(self.flows, kind + ".lua")
            with open(path, encoding="utf-8") as f:
                source = re.sub(r'every = "\w+"', 'every = "1s"', f.read())
            with open(path, "w", encoding="utf-8") as f:
                f.write(source)

    def start(self):
        self.process = self.world.engine("--listen", f"127.0.0.1:{self.port}", flows=self.flows, once=False,
                                         settings=("odoo.batch=20", "nav.page_size=50"), output=subprocess.DEVNULL)

    def listens(self, seconds=20):
        """Waits until it takes webhooks; False when it ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            except OSError:
                time.sleep(0.01)
        return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Storm:
    def __init__(self, world, engine, events, seed):
        self.world, self.engine, self.events, self.seed = world, engine, events, seed
        self.over, self.lock = threading.Event(), threading.Lock()
        self.answered = self.edits = self.tries = self.asked = 0
        self.odoo_sent, self.nav_sent, self.new, self.backwards = {}, {}, [], []
        now = Families(world)
        self.records = [(kind, card, now.of(kind, card)[0]["id"]) for kind in KINDS for card in now.cards[kind]
                        if len(now.of(kind, card)) == 1 and not self.clustered(now, kind, card)]

    @staticmethod
    def clustered(now, kind, card):
        """Cards of one partner follow each other: their numbers have two authors."""
        other = "vendor" if kind == "customer" else "customer"
        return kind in TABLES and kind in ("customer", "vendor") and \
            any(c["Name"] == card["Name"] for c in now.cards[other])

    def post(self, partner):
        body = json.dumps({"_action": "navodoo", "_id": partner, "_model": "res.partner"}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.engine.port}{HOOK}", body,
                                         {"Content-Type": "application/json"})
        while not self.over.is_set():
            self.tries += 1
            try:
                with urllib.request.urlopen(request, timeout=5) as response:
                    return response.status == 200
            except OSError:
                time.sleep(0.02)
        return False

    def in_odoo(self, mine):
        """One sender: its share of the records, so that a record's webhooks come in order."""
        rng, n = random.Random(self.seed * 100 + mine), 0
        while not self.over.is_set() and self.answered < self.events:
            n += 1
            kind, card, partner = rng.choice(self.records[mine::SENDERS])
            if n % 40 == 0 and len(self.new) < KEPT:
                name = name_of("odoo", mine, n)
                partner = self.world.odoo_edit(None, name=name, customer_rank=1, city="Linz")
                self.new.append(("customer", name))
            else:
                self.odoo_sent[partner] = self.odoo_sent.get(partner, 0) + 1
                self.world.odoo_edit(partner, phone=f"+999 {partner} {self.odoo_sent[partner]}")
            if self.post(partner):
                with self.lock:
                    self.answered += 1

    def in_nav(self):
        rng, n = random.Random(self.seed), 0
        while not self.over.is_set() and self.answered < self.events:
            n += 1
            kind, card, partner = rng.choice(self.records)
            if n % 40 == 0 and len(self.new) < KEPT:
                name = name_of("nav", n)
                self.world.http("nav", "POST", "/_sandbox/edit", {
                    "table": "Customer", "key": f"NEW{n}", "insert": True,
                    "fields": {"Name": name, "City": "Graz", "Customer_Posting_Group": "EU"}})
                self.new.append(("customer", name))
            else:
                self.nav_sent[partner] = self.nav_sent.get(partner, 0) + 1
                self.world.http("nav", "POST", "/_sandbox/edit", {
                    "table": TABLES[kind], "key": wire_key(kind, card),
                    "fields": {"E_Mail": f"n{partner}x{self.nav_sent[partner]}@example.com"}})
            self.edits += 1
            time.sleep(0.02)

    def watch(self):
        """Looks at the other side of every record again and again: its number only grows."""
        seen = {}
        while not self.over.is_set():
            now = Families(self.world)
            cards = {(kind, key_of(kind, c)): c for kind in KINDS for c in now.cards[kind]}
            for kind, card, partner in self.records:
                for side, value, form in (
                        ("NAV", cards[kind, key_of(kind, card)]["Phone_No"], NAV_PHONE),
                        ("Odoo", text(now.by_id[partner]["email"]), ODOO_MAIL)):
                    found = form.match(value)
                    number = int(found.group(1)) if found else 0
                    if number < seen.get((side, partner), 0):
                        self.backwards.append(f"{side} {kind} {key_of(kind, card)}: {seen[side, partner]} then {number}")
                    seen[side, partner] = number
            time.sleep(0.3)

    def run(self, kills):
        """Kills until there were enough kills and events; answers how many."""
        rng, done = random.Random(self.seed), 0
        threads = [threading.Thread(target=self.in_odoo, args=(n,)) for n in range(SENDERS)]
        threads += [threading.Thread(target=f) for f in (self.in_nav, self.watch)]
        for t in threads:
            t.start()
        try:
            while done < kills or self.answered < self.events:
                self.engine.start()
                if done % 4:  # three in four from the moment it serves, the fourth while it starts
                    self.engine.listens()
                pause = rng.uniform(0.05, 0.5) if done < kills else 5
                end = time.monotonic() + pause
                while time.monotonic() < end and (done < kills or self.answered < self.events):
                    time.sleep(0.01)
                if self.engine.process.poll() is not None:
                    raise AssertionError(f"the engine ended with {self.engine.process.returncode}")
                self.engine.kill()
                done += 1
        finally:
            self.over.set()
            for t in threads:
                t.join(60)
        return done

    def wrong(self):
        """What the two systems do not hold, or hold twice, in the end. What waits for a person, with
        the words of both sides, is counted apart (`asked`): nothing of it is lost."""
        now, out, parked = Families(self.world), [], waiting(self.world)
        cards = {(kind, key_of(kind, c)): c for kind in KINDS for c in now.cards[kind]}
        for kind, card, partner in self.records:
            key, p = key_of(kind, card), now.by_id[partner]
            if {(kind, key), (kind, str(partner))} & parked:
                self.asked += 1
                continue
            for field, have, there, number, form in (
                    ("Phone_No", cards[kind, key]["Phone_No"], text(p["phone"]), self.odoo_sent.get(partner),
                     f"+999 {partner} %d"),  # a number of its own: NAV's persons follow their firm's
                    ("E_Mail", cards[kind, key]["E_Mail"], text(p["email"]), self.nav_sent.get(partner),
                     f"n{partner}x%d@example.com")):
                if number and not have == there == form % number:
                    out.append(f"lost: {kind} {key} {field}: {form % number} was sent, NAV {have!r}, Odoo {there!r}")
        for kind, name in self.new:
            ids = {(kind, str(p["id"])) for p in now.partners if p["name"] == name}
            found = (sum(c["Name"] == name for c in now.cards[kind]), len(ids))
            if found != (1, 1) and not (max(found) == 1 and ids & parked):
                out.append(f"{'doubled' if max(found) > 1 else 'lost'}: {name} is {found[0]} times in NAV, "
                           f"{found[1]} in Odoo")
        return out + problems(self.world)


def storm(world, tally, kills, events, seed, faults=("nav", "odoo")):
    world.run("--wait", "1m")
    match = {"odoo": "POST /jsonrpc", "nav": "POST|PATCH"}
    for side in faults:
        world.faults(side, [{"match": match[side], "kind": "cut_after", "rate": 0.02},
                            {"match": match[side], "kind": "late", "rate": 0.02, "late_ms": 300}], seed=seed)
    begin = time.monotonic()
    work = Storm(world, Engine(world), events, seed)
    done = work.run(kills)
    took = seconds(begin)
    world.calm()
    out = world.run("--wait", WAIT, expect=(0, 3, 4))
    print("  the run after it: " + "; ".join(l for l in out.splitlines() if re.match(r"\w+: \d", l)), flush=True)
    for job in world.command("jobs", "--limit", "10")["jobs"]:
        print("  left: " + json.dumps(job)[:600], flush=True)
    found = work.wrong()
    tally.check(f"{done} kills in {took}, {work.answered} webhooks answered ({work.tries} posts), {work.edits} changes "
                f"in NAV, {len(work.new)} new records: 0 lost, 0 doubled, {work.asked} wait for a person",
                f"{len(found)} problems: " + "; ".join(found[:6]) if found else None)
    tally.check("no record went back on either side", "; ".join(work.backwards[:5]) or None)
    asked = [j for j in world.command("review", "list", "--limit", "1000000")["jobs"]
             if j["error"].get("rule") == "conflict"]
    tally.check("each side has fields of its own: nobody is asked whose value counts",
                f"{len(asked)} conflicts: " + "; ".join(json.dumps(j["error"])[:300] for j in asked[:3]) if asked else None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("navodoo")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    tally = Tally()
    world = World(a.navodoo, customers=60, seed=a.seed,
                  args=("--vendors", "20", "--contacts", "20", "--addresses", "20"))
    try:
        storm(world, tally, a.kills, a.events, a.seed)
    finally:
        world.close()
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
