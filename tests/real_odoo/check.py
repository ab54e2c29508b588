"""navodoo on a real Odoo: first load, edits, adoption, kills, both protocols, both directions.

Run by run.sh, which has started Odoo. The last line is "N passed, N failed".
"""
import random
import re
import signal
import sys
import time

import amid
import both
import busy
import differ
import facts
import families
import items
import login
import schemas
import webhooks
from real import (DATABASE, World, calls_since, changed, crash, create_database, log_mark,
                  log_since, under_way, wait_for_odoo)

CUSTOMERS, EDITS, KILLS = 150, 10, 5
BEGIN = time.monotonic()


def say(text):
    print(f"{time.monotonic() - BEGIN:5.1f}s  {text}", flush=True)


def timed(world, *args, **kw):
    """Runs the engine; tells seconds and calls."""
    mark, begin = log_mark(), time.monotonic()
    out = world.run(*args, **kw)
    summary = re.search(r"^customer: (.*)$", out, re.M)
    seconds = time.monotonic() - begin
    return (summary.group(1) if summary else out[-300:]), seconds, calls_since(mark)


def report(what, result, records):
    summary, seconds, calls = result
    n = sum(calls.values())
    say(f"{what}: {summary}")
    say(f"  {seconds:.1f} s, {n} calls ({n / records:.2f} a record): "
        + ", ".join(f"{k} {v}" for k, v in sorted(short(calls).items())))


def short(calls):
    """The calls by what they are for: start-up asks what Odoo looks like, and its tables."""
    told = {}
    for path, n in calls.items():
        name = re.sub(r"^/jsonrpc#?|^/json/2/", "", path).replace("/", ".") or "version or login"
        work = re.match(r"(res\.partner\.(load|read|search_read)|ir\.model\.data\..*)$", name)
        name = name if work else "start-up"
        told[name] = told.get(name, 0) + n
    return told


def ten_edits(world):
    """Edits ten linked customers, each in another way; returns their numbers."""
    parked = world.compare()[2]
    alive = [c for c in world.customers() if c["No"] not in parked and c["Blocked"] == " "]
    chosen = [c["No"] for c in alive[3:3 + 7 * EDITS:7]][:EDITS]
    edits = [
        {"Name": "Täglich & Söhne \"Neu\" Kft."},
        {"Address": "Árvíztűrő utca 5", "Address_2": "2. em."},
        {"City": "Łódź", "Post_Code": "90-001"}, {"Phone_No": "+43 1 5550000"}, {"Phone_No": ""},
        {"E_Mail": ""}, {"Blocked": "All"}, {"Credit_Limit_LCY": 12345.67},
        {"VAT_Registration_No": "", "Country_Region_Code": "HU"},
        {"Payment_Terms_Code": "14 DAYS", "Home_Page": "www.neu.example"},
    ]
    for no, fields in zip(chosen, edits):
        current = next(c for c in alive if c["No"] == no)
        if all(current[k] == v for k, v in fields.items()):  # the edit must be one
            fields = {**fields, "City": current["City"] + " 2"}
        world.edit(no, **fields)
    return chosen


def settle_second():
    """write_date shows whole seconds: what changes from here on has another one."""
    time.sleep(1.1)


def first_load_and_edits(tally, navodoo, database, api):
    world = World(navodoo, database, CUSTOMERS, api=api)
    try:
        seeds = plant(world) if api == "jsonrpc" else None
        result = timed(world)
        report(f"{api}: first load", result, CUSTOMERS)
        foreign = [p for p in result[2] if p.startswith("/json/2/") != (api == "json2")]
        tally.check(f"{api}: only this protocol is spoken",
                    [p for p in foreign if p != "/web/version"] and foreign)
        if seeds:
            adopted(tally, world, seeds)
        tally.check(f"{api}: first load: every customer is there once, as NAV has it",
                    crash.verdict(world))
        parked = world.compare()[2]
        for why in sorted({j["why"] for j in parked.values()})[:8]:
            say(f"  parked: {why}")
        tally.check(f"{api}: nothing but the planted doubt is parked",
                    len(parked) > (1 if seeds else 0) and f"{len(parked)} parked")

        settle_second()
        before = world.stamps()
        report(f"{api}: second run, all rows", timed(world, "--all"), CUSTOMERS)
        tally.check(f"{api}: a second run over all rows writes nothing",
                    changed(before, world.stamps()))

        settle_second()
        chosen = ten_edits(world)
        report(f"{api}: ten edits", timed(world), EDITS)
        refs = {p["id"]: p["ref"] for p in world.partners()}
        touched = sorted(refs[i] for i in changed(before, world.stamps()))
        tally.check(f"{api}: ten edits change ten partners",
                    touched != sorted(chosen) and f"{touched}, edited {sorted(chosen)}")
        tally.check(f"{api}: and they are as NAV has them", crash.verdict(world))
        if api == "jsonrpc":
            lost_store(tally, world)
    finally:
        world.close()


def plant(world):
    """Puts partners into Odoo that NAV knows too, as a person would have typed them."""
    rows = world.customers()
    sure, doubt, stranger = [c for c in rows if c["VAT_Registration_No"].startswith("DE")
                             and c["E_Mail"]][:3]
    swiss = next(c for c in rows if c["VAT_Registration_No"].startswith("CHE"))
    country = {code: i for i, code in world.countries.items()}
    ids = world.odoo.call("res.partner", "create", [
        {"name": sure["Name"].upper(), "vat": sure["VAT_Registration_No"], "is_company": True},
        {"name": "Ganz andere Firma", "vat": doubt["VAT_Registration_No"], "is_company": True},
        {"name": "Zufall", "email": stranger["E_Mail"].lower()},
        {"name": swiss["Name"], "vat": swiss["VAT_Registration_No"], "is_company": True,
         "country_id": country["CH"]},
    ])
    return {"sure": (sure["No"], ids[0]), "doubt": (doubt["No"], ids[1]),
            "stranger": (stranger["No"], ids[2]), "swiss": (swiss["No"], ids[3])}


def adopted(tally, world, seeds):
    by_ref = {p["ref"]: p["id"] for p in world.partners()}
    parked = world.compare()[2]
    no, planted = seeds["sure"]
    tally.check("a partner that is surely the customer is adopted, none made beside it",
                by_ref.get(no) != planted and f"{no} is partner {by_ref.get(no)}, not {planted}")
    names = world.odoo.call("res.partner", "get_external_id", [planted])
    tally.check("and carries our external id",
                not names[str(planted)].startswith("navodoo.") and names)
    no, planted = seeds["swiss"]
    tally.check("so is one whose VAT number Odoo keeps in another spelling",
                by_ref.get(no) != planted and f"{no} is partner {by_ref.get(no)}, not {planted}")
    no, planted = seeds["doubt"]
    tally.check("a doubtful one waits for a person, nothing is made",
                (no in by_ref or no not in parked) and f"{by_ref.get(no)}, {parked.get(no)}")
    no, planted = seeds["stranger"]
    tally.check("a stranger with the same e-mail stays a stranger",
                by_ref.get(no) in (None, planted) and f"{no} is partner {by_ref.get(no)}")


def lost_store(tally, world):
    """The state folder is gone: the external ids in Odoo tell what is whose."""
    before = {p["id"]: {**p, "write_date": None} for p in world.partners()}
    world.state += "-new"
    result = timed(world, "--all")
    report("lost store", result, CUSTOMERS)
    tally.check("with a new store no record is doubled", crash.verdict(world))
    after = {p["id"]: {**p, "write_date": None} for p in world.partners()}
    tally.check("and no value changes", changed(before, after))
    updated = int(re.search(r"(\d+) updated", result[0]).group(1))
    tally.check("what Odoo holds is what the flow makes of the record, so nothing looks changed",
                updated and f"{updated} updated")


def kills(tally, navodoo):
    rng = random.Random()
    world = World(navodoo, "kills", 400, settings=["odoo.batch=20", "odoo.settle=3s"])
    try:
        world.odoo.call("res.partner", "search_count", [])  # Odoo is warm
        done, moments = 0, []
        for _ in range(KILLS):
            calls, pause, mark = rng.randint(0, 8), rng.uniform(0, 0.25), log_mark()
            process = world.engine()
            under_way(mark, calls)
            time.sleep(pause)
            process.kill()
            process.communicate()
            done += process.returncode == -signal.SIGKILL
            moments.append(f"{calls} calls and {pause:.2f} s ({len(world.partners())} there)")
        say("killed after " + ", ".join(moments))
        tally.check("the engine was killed under way", done != KILLS and f"{done} of {KILLS}")
        report("the run after the kills", timed(world), 400)
        tally.check("after five kills of a first load: none lost, none doubled, all as NAV has it",
                    crash.verdict(world))
        for why in sorted(j["why"] for j in world.compare()[2].values())[:8]:
            say(f"  parked: {why}")
    finally:
        world.close()


def plain_user(tally, navodoo):
    """Without the group Access Rights external ids can be used, but not listed: who is whose
    cannot be told, so nothing begins."""
    world = World(navodoo, "plain", 20, who="plain", api="auto", seed=3)
    try:
        out = world.run("--wait", "4s", expect=(2, 4))
        tally.check("a user without Access Rights is told which group he lacks, and makes nothing",
                    ("Access Rights" not in out or world.partners()) and out[-600:])
    finally:
        world.close()


def main():
    navodoo = sys.argv[1]
    only = sys.argv[2:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the worlds are closed on the way out
    tally = crash.Tally()
    info = wait_for_odoo()
    say(f"Odoo {info['server_version']} {info['server_version_info']}")
    if not only or {"facts", "differ"} & set(only):
        create_database(DATABASE)
    parts = {
        "facts": lambda: facts.run(tally, say),
        "jsonrpc": lambda: first_load_and_edits(tally, navodoo, "jsonrpc", "jsonrpc"),
        "json2": lambda: first_load_and_edits(tally, navodoo, "json2", "json2"),
        "plain": lambda: plain_user(tally, navodoo),
        "kills": lambda: kills(tally, navodoo),
        "both": lambda: both.run(tally, say, navodoo),
        "amid": lambda: amid.run(tally, say, navodoo),
        "families": lambda: families.run(tally, say, navodoo),
        "items": lambda: items.run(tally, say, navodoo),
        "hooks": lambda: webhooks.run(tally, say, navodoo),
        "schemas": lambda: schemas.run(tally, say, navodoo),
        "login": lambda: login.run(tally, navodoo),
        "busy": lambda: busy.run(tally, say, navodoo),
        "differ": lambda: differ.run(tally, say, navodoo),
    }
    for name, part in parts.items():
        if only and name not in only:
            continue
        mark = log_mark()
        try:
            part()
        except Exception as e:  # one part that breaks is one failure, the others still run
            tally.check(name, f"{type(e).__name__}: {e}")
        if name not in ("facts", "differ", "login"):  # these provoke errors
            errors = re.findall(r"^\S+ \S+ \d+ (?:ERROR|CRITICAL) .*$", log_since(mark), re.M)
            for line in errors[:5]:
                say(f"Odoo's log: {line[:300]}")
    return tally.end()


sys.exit(main())
