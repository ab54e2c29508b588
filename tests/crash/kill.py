"""kill -9 at every failpoint, and at random: nothing lost, nothing doubled.

  kill.py NAVODOO [--random KILLS] [--customers N]

NAVODOO must be built with -DNAVODOO_FAILPOINTS=ON. For each failpoint the engine is
killed there (at its 1st, 2nd and 5th hit) with replies kept, cut, and applied late;
then it runs to its end, and both systems are compared. `--random` kills at random
moments of a first load instead.
"""
import argparse
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from world import Tally, World, failpoints, verdict

REPLIES = {
    "kept": [],
    "cut after the write": [{"match": "POST /jsonrpc", "kind": "cut_after", "rate": 0.2}],
    "applied late": [{"match": "POST /jsonrpc", "kind": "late", "rate": 0.2, "late_ms": 300}],
}


def at_one_failpoint(navodoo, name, reply):
    """Kills at the 1st, 2nd and 5th hit, then runs to the end: (claim, problem)."""
    problem, killed = None, 0
    world = World(navodoo, customers=60, seed=3, partners=6)
    try:
        world.faults("odoo", REPLIES[reply], seed=7)
        for hit in (1, 2, 5):
            process = world.engine("--wait", "20s", failpoint=f"{name}:{hit}",
                                   settings=("odoo.batch=10", "nav.page_size=25"))
            process.communicate(timeout=120)
            killed += process.returncode == -9
        world.calm()
        world.run("--wait", "2m")
        problem = verdict(world)
        if not killed:
            problem = "never reached"
    except Exception as e:  # a test that cannot run has failed
        problem = repr(e)
    finally:
        world.close()
    return f"kill at {name}, reply {reply} ({killed} kills)", problem


def at_each_failpoint(navodoo, tally):
    cases = [(name, reply) for name in failpoints() for reply in REPLIES]
    with ThreadPoolExecutor(4) as pool:
        for claim, problem in pool.map(lambda c: at_one_failpoint(navodoo, *c), cases):
            tally.check(claim, problem)


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
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--customers", type=int, default=10000)
    a = parser.parse_args()
    tally = Tally()
    if a.random:
        at_random(a.navodoo, tally, a.random, a.customers)
    else:
        at_each_failpoint(a.navodoo, tally)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
