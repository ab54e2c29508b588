"""kill -9 at every failpoint, and at random: nothing lost, nothing doubled.

  kill.py NAVODOO [--whole | --sample N] [--flow NAME] [--place NAME] [--reply NAME]
  kill.py NAVODOO --random KILLS [--customers N]

NAVODOO must be built with -DNAVODOO_FAILPOINTS=ON. The places are the failpoints of
core/failpoint.h in all their ways: by operation of the store, by endpoint, by flow. At
each of them the engine is killed while it loads everything for the first time, and while
both sides change records of one flow, with replies kept, cut, and applied late; then it
runs to its end, and both systems are compared. `--whole` takes every case (half an hour),
else a fixed sample is taken. `--random` kills at random moments of a first load instead.
"""
import argparse
import os
import random
import re
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from kinds import KINDS, Work, problems
from world import Tally, World, failpoints, verdict

WRITES = {"odoo": "POST /jsonrpc", "nav": "POST|PATCH"}
REPLIES = {
    "kept": None,
    "cut": {"kind": "cut_after", "rate": 0.2},
    "late": {"kind": "late", "rate": 0.2, "late_ms": 300},
}
HITS = (1, 3)  # the first run dies at the first time that a place is passed, the second at the third
SOURCES = ("core", "lua", "stdlib")


def unlisted():
    """Failpoints in the sources that the list lacks, and listed ones that are nowhere."""
    used = set()
    for top in SOURCES:
        for folder, _, files in os.walk(top):
            for name in files:
                if name.endswith((".c", ".lua")) and name != "failpoint.c":
                    with open(os.path.join(folder, name), encoding="utf-8") as f:
                        used |= set(re.findall(r'\b(?:nv_)?(?:failpoint|pass)\("(\w+\.\w+)"', f.read()))
    listed = set(failpoints())
    return sorted(["not listed: " + n for n in used - listed] + ["nowhere: " + n for n in listed - used])


def operations():
    """The names of the store's operations, from its own table."""
    with open("core/store_schema.c", encoding="utf-8") as f:
        table = re.search(r"nv_store_ops\[\] = \{(.*?)\n\};", f.read(), re.S).group(1)
    return re.findall(r'^    \{"(\w+)"', table, re.M)


def places():
    """(place, flows that may pass it) for every way to pass a failpoint."""
    for name in failpoints():
        if name.startswith("store."):
            for op in operations():
                yield f"{name}@{op}", KINDS
        elif name.startswith("http."):
            for side in ("nav", "odoo"):
                yield f"{name}@{side}", KINDS
        else:
            for kind in KINDS:
                yield f"{name}@{kind}", (kind,)


class Bench:
    """Systems and store that every case begins with, and that are put back for the next."""

    SETTINGS = ("odoo.batch=10", "nav.page_size=10")

    def __init__(self, navodoo, loaded):
        self.world = World(navodoo, customers=14, seed=3,
                           args=("--vendors", "8", "--contacts", "8", "--addresses", "8"))
        self.kept = os.path.join(self.world.work.name, "kept")
        if loaded:
            self.world.run("--wait", "1m", settings=self.SETTINGS)
            shutil.copytree(self.world.state, self.kept)
        for side in WRITES:
            self.world.http(side, "POST", "/_sandbox/snapshot")

    def put_back(self):
        for side in WRITES:
            self.world.http(side, "POST", "/_sandbox/restore")
        shutil.rmtree(self.world.state, ignore_errors=True)
        if os.path.exists(self.kept):
            shutil.copytree(self.kept, self.world.state)

    def run(self, place, kind, reply):
        """(kills, problem): changes of one kind on both sides (None: the first load), a run
        for each of HITS that is killed there, and one to the end."""
        self.put_back()
        work, killed = [Work(self.world, kind)] if kind else [], 0
        if REPLIES[reply]:
            for side, match in WRITES.items():
                self.world.faults(side, [dict(REPLIES[reply], match=match)], seed=7)
        for hit in HITS:
            process = self.world.engine("--wait", "20s", failpoint=f"{place}:{hit}", settings=self.SETTINGS)
            process.communicate(timeout=120)
            if process.returncode != -9:
                break
            killed += 1
        if not killed:
            return 0, None
        self.world.calm()
        self.world.run("--wait", "2m", settings=self.SETTINGS)
        found = problems(self.world, work)
        return killed, f"{len(found)} problems: " + "; ".join(found[:4]) if found else None


def at_each_place(navodoo, tally, wanted):
    """Runs the cases. Tells which places nobody passed, when none was left out."""
    opened, passed, begin = [], {}, time.monotonic()
    mine = threading.local()  # every thread has benches of its own

    def bench(loaded):
        name = "loaded" if loaded else "empty"
        if not hasattr(mine, name):
            setattr(mine, name, Bench(navodoo, loaded))
            opened.append(getattr(mine, name))
        return getattr(mine, name)

    def one(case):
        place, kind, reply = case
        try:
            return case, *bench(kind is not None).run(place, kind, reply)
        except Exception as e:  # a test that cannot run has failed
            return case, 0, repr(e)

    kills = cases = 0
    try:
        with ThreadPoolExecutor(2) as pool:
            for (place, kind, reply), killed, problem in pool.map(one, wanted):
                passed[place] = passed.get(place, 0) + killed
                if killed or problem:
                    kills, cases = kills + killed, cases + 1
                    tally.check(f"{place}, {kind or 'first load'}, reply {reply}: {killed} kills", problem)
    finally:
        for each in opened:
            each.world.close()
    print(f"{kills} kills in {cases} cases of {len(wanted)} (the others pass no such place), "
          f"{time.monotonic() - begin:.0f} s")
    return passed


def all_cases():
    return [(place, kind, reply) for place, kinds in places() for kind in (None, *kinds) for reply in REPLIES]


def account(out):
    """What a run says of the customers."""
    return next(line for line in out.splitlines() if line.startswith("customer: "))


def at_random(navodoo, tally, kills, customers):
    rng = random.Random(4711)
    world = World(navodoo, customers=customers, seed=5, partners=100)
    begin, done, problem = time.monotonic(), 0, None
    try:
        world.faults("odoo", [
            {"match": "POST /jsonrpc", "kind": "cut_after", "rate": 0.03},
            {"match": "POST /jsonrpc", "kind": "late", "rate": 0.03, "late_ms": 600},
            {"match": "POST /jsonrpc", "kind": "cut_before", "rate": 0.03}], seed=11)
        while done < kills:
            if not world.kill_after(rng.uniform(0.05, 1.2)):
                break
            done += 1
        world.calm()
        print(account(world.run("--wait", "2m")))
        problem = verdict(world)
        if done < kills:
            problem = problem or f"only {done} kills before the load was over"
        again = world.run("--wait", "30s")
        writes = world.http("odoo", "GET", "/_sandbox/stats")
        print("again:", account(again), writes.get("creates"), writes.get("writes"))
    finally:
        world.close()
    tally.check(f"{done} random kills in a first load of {customers}, "
                f"{time.monotonic() - begin:.0f} s", problem)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("navodoo")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--flow")
    parser.add_argument("--place")
    parser.add_argument("--reply")
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--customers", type=int, default=10000)
    a = parser.parse_args()
    tally = Tally()
    if a.random:
        at_random(a.navodoo, tally, a.random, a.customers)
        return tally.end()
    names = unlisted()
    tally.check("every failpoint is in the list, and nothing else is", "; ".join(names) or None)
    cases = [c for c in all_cases() if (not a.flow or c[1] == a.flow) and (not a.place or c[0].startswith(a.place))
             and (not a.reply or c[2] == a.reply)]
    narrowed = a.flow or a.place or a.reply
    if not (a.whole or narrowed):
        cases = random.Random(2).sample(cases, a.sample)
    passed = at_each_place(a.navodoo, tally, cases)
    if a.whole and not narrowed:
        for name in failpoints():
            ways = [n for place, n in passed.items() if place.startswith(name + "@")]
            tally.check(f"{name} is passed: {sum(n > 0 for n in ways)} of {len(ways)} ways, {sum(ways)} kills",
                        None if sum(ways) else "never")
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
