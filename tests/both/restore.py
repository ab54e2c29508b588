#!/usr/bin/env python3
"""A store that comes back from a backup is older than both systems: nothing is made twice, and
no edit made since is undone. usage: restore.py NAVODOO

The backup is taken beside a running engine, right after one that was killed in the middle of
its writes. Then both sides go on: new records on each, edits that the engine brought over,
edits that it has not seen yet. Records are counted by their names in dumps of both systems.
"""
import os
import signal
import subprocess
import sys
import time

import both
from both import World, check, differences, same_writes, text

both.CUSTOMERS, both.VENDORS, both.SHARED = 120, 30, 40
NEW = 12


def new_customer(w, key, name):
    w.post(w.nav, "edit", {"table": "Customer", "key": key, "insert": True, "fields": {
        "Name": name, "City": "Graz", "Phone_No": "+43 1", "Customer_Posting_Group": "EU"}})


def new_partner(w, name, kind="customer_rank"):
    return w.post(w.odoo, "edit", {"model": "res.partner", "insert": True, "fields": {
        "name": name, kind: 1, "city": "Wien", "phone": "+43 2"}})["key"]


def cards(w):
    return [c for t in ("Customer", "Vendor") for c in w.table(t)]


def count(rows, key, names):
    found = {}
    for r in rows:
        if r[key] in names:
            found[r[key]] = found.get(r[key], 0) + 1
    return found


def engine(w, *words, **env):
    """The same run as World.run, in the background."""
    return subprocess.Popen(
        [w.program, "run", w.flows, "--state", w.state, "--set", "nav.url=%s/DynamicsNAV110/ODataV4" % w.nav,
         "--set", "odoo.url=" + w.odoo, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**w.env(), **env}, cwd=w.work)


def killed_at(w, failpoint):
    p = engine(w, "--once", NAVODOO_FAILPOINT=failpoint)
    p.communicate(timeout=both.LIMIT)
    return p.returncode == -signal.SIGKILL


def tell(w, *words):
    p = w.command(*words)
    return p.returncode, p.stdout + p.stderr


def prepare(w, names):
    """Both in step; an engine dies after it sent what it created; a backup beside the next one."""
    w.run()
    w.run()
    for i in range(NEW):
        new_customer(w, "BEFORE%d" % i, names("before nav", i))
        new_partner(w, names("before odoo", i))
    died = killed_at(w, "effect.after_send")
    check("the engine died in the middle of its writes", [] if died else ["it did not"])
    file = w.work + "/backup.db"
    living = engine(w)
    deadline = time.time() + 20
    while not os.path.exists(w.state + "/control.sock") and time.time() < deadline:
        time.sleep(0.05)
    code, said = tell(w, "backup", file, "--state", w.state)
    check("a backup is made beside a running engine", [] if code == 0 else [said])
    refused = tell(w, "restore", file, "--state", w.state, "--replace")
    check("restore is refused while it runs", [] if refused[0] == 1 and "in use" in refused[1] else [refused])
    living.send_signal(signal.SIGTERM)
    living.communicate(timeout=both.LIMIT)
    return file


def go_on(w, names):
    """What the lost engine did after the backup, and what people did that it never saw."""
    expected = {}
    w.run()
    for i in range(NEW):
        new_customer(w, "SINCE%d" % i, names("since nav", i))
        new_partner(w, names("since odoo", i))
        new_partner(w, names("since vendor", i), "supplier_rank")
    w.run()
    w.run()
    links = w.links("customer")
    back = {i: no for no, i in links.items()}
    mine = {p["name"]: p["id"] for p in w.partners().values()}
    since = sorted(no for no in links if no.startswith("SINCE"))
    made = [back[mine[names("since odoo", i)]] for i in range(NEW)]
    shared = set(links.values()) & set(w.links("vendor").values())
    waiting = both.parked(w, "customer")
    old = sorted(no for no, i in links.items()
                 if no.isdigit() and i not in shared and no not in waiting)[:4 * NEW]

    def nav(no, phone):
        expected[no] = phone
        w.edit_nav("Customer", no, Phone_No=phone)

    def odoo(no, phone):
        expected[no] = phone
        w.edit_odoo(links[no], phone=phone)

    for n, no in enumerate(old[:NEW] + since[:3] + made[:3]): # brought over, on both sides
        (nav if n % 2 else odoo)(no, "+1 %d" % n)
    w.run()
    w.run()
    for n, no in enumerate(old[NEW:2 * NEW] + since[3:6] + made[3:6]): # not seen yet
        nav(no, "+2 %d" % n)
    for n, no in enumerate(old[2 * NEW:3 * NEW] + since[6:9] + made[6:9]):
        odoo(no, "+3 %d" % n)
    for n, no in enumerate(old[:3]): # brought over and edited again
        odoo(no, "+4 %d" % n)
    return expected


def main():
    w = World(sys.argv[1])

    def names(what, i):
        return "%s %s" % (what.title(), ("Ahorn Birke Buche Dorn Eiche Fichte Ginster Hasel Ilex "
                                         "Kiefer Linde Mispel").split()[i])
    every = {names(what, i) for what in ("before nav", "before odoo", "since nav", "since odoo", "since vendor")
             for i in range(NEW)}
    try:
        file = prepare(w, names)
        expected = go_on(w, names)
        code, said = tell(w, "backup", "--verify", file)
        check("the drill tells what would be sent again", [] if code == 0 and "of unknown outcome" in said else [said])
        code, said = tell(w, "restore", file, "--state", w.state)
        check("a store that is there is not overwritten", [] if code == 1 and "--replace" in said else [said])
        code, said = tell(w, "restore", file, "--state", w.state, "--replace")
        check("the backup comes back", [] if code == 0 else [said])
        for _ in range(3):
            w.run()
        before = w.writes()
        w.run()
        same_writes(w, before, "and it comes to rest")
        nav, odoo = count(cards(w), "Name", every), count(w.partners().values(), "name", every)
        check("each record once in NAV", ["%s: %d times" % (n, nav.get(n, 0)) for n in sorted(every) if nav.get(n) != 1])
        check("each record once in Odoo", ["%s: %d times" % (n, odoo.get(n, 0)) for n in sorted(every) if odoo.get(n) != 1])
        links, partners = w.links("customer"), w.partners()
        phones, waiting = {c["No"]: c["Phone_No"] for c in w.table("Customer")}, both.parked(w, "customer")
        wrong = []
        for no, want in sorted(expected.items()):
            got = phones[no], text(partners[links[no]]["phone"]) if no in links else None
            if got != (want, want) and not (no in waiting and want in got):
                wrong.append("%s: NAV %r, Odoo %r, edited to %r" % (no, got[0], got[1], want))
        check("edits made since stay", wrong)
        asked = [no for no in expected if no in waiting]
        print("%d edits since, %d of them before a person" % (len(expected), len(asked)))
        check("both sides are equal", differences(w, "Customer", "customer", waiting))
    finally:
        w.close()
    print("%d passed, %d failed" % (both.passed, both.failed))
    return both.failed > 0


if __name__ == "__main__":
    sys.exit(main())
