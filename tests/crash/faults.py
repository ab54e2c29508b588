#!/usr/bin/env python3
"""An ERP that fails at a third of its calls, in every way there is, and one that is down: all
is delivered, exactly once, and what is down is left alone. usage: faults.py NAVODOO [--full]

Counted by the source's own keys, from dumps of both systems (world.py); what reached a system
is counted by its own rules of faults.
"""
import subprocess
import sys
import time

from world import Tally, World, seconds

SHARE = 0.3
SETTLE, TIMEOUT, SLOW_MS, LATE_MS = "2500ms", "1s", 1500, 600

KINDS = {
    "500": [{"kind": "status", "status": 500}],
    "502, 503 and 504": [{"kind": "status", "status": s, "rate": SHARE / 3} for s in (502, 503, 504)],
    "503 with Retry-After": [{"kind": "status", "status": 503, "retry_after": 1}],
    "429": [{"kind": "rate_limit"}],
    "429 with Retry-After": [{"kind": "rate_limit", "retry_after": 1}],
    "429 with a date": [{"kind": "rate_limit", "retry_after": 1, "retry_date": True}],
    "time-outs": [{"kind": "delay", "delay_ms": SLOW_MS, "rate": SHARE / 3}],
    "cuts before": [{"kind": "cut_before"}],
    "cuts after": [{"kind": "cut_after"}],
    "late applies": [{"kind": "late", "late_ms": LATE_MS}],
}
ALL = [{"kind": "status", "status": 500}, {"kind": "status", "status": 503, "retry_after": 1},
       {"kind": "rate_limit"}, {"kind": "rate_limit", "retry_after": 1, "retry_date": True},
       {"kind": "cut_before"}, {"kind": "cut_after"}, {"kind": "late", "late_ms": LATE_MS}]
QUICK = {"all of these": [dict(r, rate=SHARE / len(ALL)) for r in ALL]}


def settings(w):
    """What makes an outcome known soon enough for a test."""
    return [f"{side}.{key}={value}" for side in ("nav", "odoo")
            for key, value in (("settle", SETTLE), ("timeout", TIMEOUT))]


def rules_of(kinds):
    """A slow system is slow to what changes something; polls would only wait."""
    return [dict({"rate": SHARE}, **r) for r in kinds]


def struck(w, side):
    rules = w.http(side, "GET", "/_sandbox/faults")
    rules = rules["rules"] if isinstance(rules, dict) else rules
    return max((r["seen"] for r in rules), default=0), sum(r["fired"] for r in rules)


def compare(w, edits, made):
    """Both ways: what NAV holds is in Odoo once, and what a person did in Odoo is in NAV once."""
    lost, doubled, parked, wrong = w.compare()
    problems = [f"{len(lost)} lost {lost[:5]}"] if lost else []
    problems += [f"{len(doubled)} doubled {doubled[:5]}"] if doubled else []
    problems += wrong[:3]
    problems += [f"parked: {k}: {j.get('why')}" for k, j in list(parked.items())[:3]]
    cards = w.customers()
    for no, phone in edits.items():
        held = [c["Phone_No"] for c in cards if c["No"] == no]
        if held != [phone]:
            problems.append(f"{no}: phone {held}, Odoo has {phone}")
    for name in made:
        count = sum(c["Name"] == name for c in cards)
        if count != 1:
            problems.append(f"{name}: {count} cards in NAV")
    return problems


def deliver(w, done):
    """Runs as a timer would, until all is there: a start that the weather spoils is made again."""
    for n in range(15):
        w.run("--wait", "60s", settings=settings(w), expect=(0, 1, 3, 4))
        if done():
            return n + 1
    return None


def people_in_odoo(w, customers):
    """Edits of what came from NAV, and new partners; answers what NAV must hold then."""
    like = sorted((p for p in w.partners() if p.get("ref") and p.get("country_id")), key=lambda p: p["ref"])
    edits, made = {}, []
    for n, p in enumerate(like[:customers // 5]):
        edits[p["ref"]] = f"+49 30 {n:06d}"
        w.http("odoo", "POST", "/_sandbox/edit", {"model": "res.partner", "key": p["id"],
                                                  "fields": {"phone": edits[p["ref"]]}})
    country = like[0]["country_id"]
    for n in range(customers // 10):
        made.append(f"Fresh Partner {n} Ltd")
        w.http("odoo", "POST", "/_sandbox/edit", {"model": "res.partner", "action": "insert", "fields": {
            "name": made[-1], "is_company": True, "customer_rank": 1,
            "country_id": country[0] if isinstance(country, list) else country}})
    return edits, made


def bad_weather(navodoo, name, kinds, customers, tally):
    begin = time.monotonic()
    w = World(navodoo, customers)
    try:
        for n, side in enumerate(("nav", "odoo")):
            w.faults(side, rules_of(kinds), seed=7 + n)
        first = deliver(w, lambda: not w.compare()[0])
        edits, made = people_in_odoo(w, customers)
        second = deliver(w, lambda: not compare(w, edits, made))
        counts = {side: struck(w, side) for side in ("nav", "odoo")}
        w.calm()
        w.run("--wait", "60s", settings=settings(w))
        problems = compare(w, edits, made)
        print("%s: %d records, %s + %s runs; NAV failed %d of %d calls, Odoo %d of %d; %s" % (
            name, customers + len(edits) + len(made), first, second, counts["nav"][1], counts["nav"][0],
            counts["odoo"][1], counts["odoo"][0], seconds(begin)), flush=True)
        if not (first and second):
            problems.append("not all was there while calls failed")
        if min(c[1] for c in counts.values()) == 0:
            problems.append(f"nothing failed: {counts}")
        tally.check(f"{name} at {SHARE:.0%} of all calls", "; ".join(problems))
    finally:
        w.close()


def outage(navodoo, customers, length, tally):
    """Odoo is down while NAV changes: probes only, and no attempt is counted."""
    w = World(navodoo, customers)
    engine = None
    try:
        w.run(settings=settings(w))
        engine = w.engine(settings=settings(w), once=False, output=subprocess.DEVNULL)
        time.sleep(2)
        w.faults("odoo", [{"kind": "status", "status": 503}])
        for c in w.customers():
            w.http("nav", "POST", "/_sandbox/edit", {"table": "Customer", "key": c["No"],
                                                     "fields": {"City": "Elsewhere"}})
        time.sleep(length)
        calls = struck(w, "odoo")[0]
        jobs = w.command("jobs", "--limit", "100000")["jobs"]
        attempts = max((j["attempts"] for j in jobs), default=0)
        print("down for %d s with %d records waiting: %d calls reached it, %d jobs, at most %d attempts" % (
            length, customers, calls, len(jobs), attempts), flush=True)
        # five failures open it, at most one batch more was under way for each connection
        bound = 5 + 8 + length
        tally.check("what is down is asked by single probes", None if 5 <= calls <= bound
                    else f"{calls} calls, at most {bound} expected")
        tally.check("no attempt is counted behind an open breaker", None if jobs and attempts <= 2
                    else f"{attempts} attempts, {len(jobs)} jobs")
        w.calm()
        end = time.monotonic() + 90
        while time.monotonic() < end and any(not p.get("city") == "Elsewhere" for p in w.partners() if p.get("ref")):
            time.sleep(1)
        tally.check("all is delivered when it is back", "; ".join(
            f"{p['ref']}: {p['city']}" for p in w.partners() if p.get("ref") and p["city"] != "Elsewhere"))
    finally:
        if engine:
            engine.terminate()
            engine.communicate()
        w.close()


def main():
    navodoo, full = sys.argv[1], "--full" in sys.argv
    tally = Tally()
    for name, kinds in dict(QUICK, **(KINDS if full else {})).items():
        bad_weather(navodoo, name, kinds, 300 if full else 60, tally)
    outage(navodoo, 300 if full else 100, 60 if full else 25, tally)
    return tally.end()


sys.exit(main())
