#!/usr/bin/env python3
"""Ways to watch NAV, each against a sandbox: what a clerk changes, adds and deletes is
noticed, by reading few records and not all. usage: watch.py NAVODOO
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

CUSTOMERS = 60
FLOW = """local navodoo = require "navodoo"
return navodoo.flow "customer" {
  nav  = { read = "CustomerCard", key = "No", watch = { %s, every = "1h" } },
  odoo = { model = "res.partner" },
  link = { xmlid = "customer" }, gone = { from_nav = "archive" },
  fields = { { "No", "ref" }, { "Name", "name" }, { nil, "customer_rank", navodoo.map.at_least(1) } },
}
"""
LEDGER = """local navodoo = require "navodoo"
return navodoo.flow "customer" {
  nav  = { read = "ChangeLogEntries", key = "Entry_No", watch = { mode = "entry_no", every = "1h" } },
  odoo = { model = "res.partner" }, link = { xmlid = "entry" },
  fields = { { "Primary_Key", "name" }, { "Primary_Key_Field_1_Value", "ref" } },
}
"""
CONFIG = """local secret = require "navodoo".secret
return { environments = { dev = {
  nav  = { kind = "nav", url = "%s/DynamicsNAV110/ODataV4", company = "CRONUS International Ltd.",
           user = "navodoo", password = secret "NAV_PASSWORD" { default = "sandbox" }, settle = "1s", page_size = 7 },
  odoo = { kind = "odoo", url = "%s", database = "sandbox", user = "navodoo@example.com", settle = "1s",
           password = secret "ODOO_PASSWORD" { default = "sandbox" } } } } }
"""
TOLD = 'mode = "%s", page = "%s", table_no = 18'
MODES = {
    "stamp": ('stamp = "Last_Date_Modified"', None),
    "scan": ('mode = "scan"', None),
    "change_log": (TOLD % ("change_log", "ChangeLogEntries"), "Change Log Setup"),
    "integration_record": (TOLD % ("integration_record", "IntegrationRecords"), "Integration Setup"),
}

passed = failed = 0


def check(name, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED: %s: %s" % (name, detail))


def fetch(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


class World:
    def __init__(self, program, watch):
        self.program = os.path.abspath(program)
        self.work = tempfile.TemporaryDirectory(prefix="navodoo-watch-")
        self.sandbox = subprocess.Popen([self.program, "sandbox", "--nav", ":0", "--odoo", ":0", "--customers",
                                         str(CUSTOMERS)], stdout=subprocess.PIPE, text=True)
        self.nav = self.sandbox.stdout.readline().split()[1]
        self.odoo = self.sandbox.stdout.readline().split()[1]
        os.mkdir(os.path.join(self.work.name, "flows"))
        self.write("customer.lua", FLOW % watch)
        self.write("navodoo.lua", CONFIG % (self.nav, self.odoo))

    def write(self, name, text):
        with open(os.path.join(self.work.name, "flows", name), "w", encoding="utf-8") as f:
            f.write(text)

    def edit(self, **change):
        return fetch(self.nav + "/_sandbox/edit", change)

    def once(self):
        """One poll; answers how many records were read, and the line of the outcome."""
        p = subprocess.run([self.program, "run", os.path.join(self.work.name, "flows"), "--once", "--state",
                            os.path.join(self.work.name, "state")], capture_output=True, text=True, timeout=20)
        found = re.search(r"customer: (\d+) read.*", p.stdout)
        if p.returncode != 0 or not found:
            raise AssertionError("exit %d: %s%s" % (p.returncode, p.stdout, p.stderr[-2000:]))
        return int(found.group(1)), found.group(0)

    def partner(self, ref):
        rows = fetch(self.odoo + "/_sandbox/dump?table=res.partner")["res.partner"]
        found = [r for r in rows if r["ref"] == ref]
        return found[0] if len(found) == 1 else None

    def close(self):
        self.sandbox.terminate()
        self.sandbox.wait(30)
        self.work.cleanup()


def one_mode(program, mode, watch, setup):
    w = World(program, watch)
    try:
        if setup:
            w.edit(table=setup, key="Customer", action="insert")
        customers = [c["No"] for c in fetch(w.nav + "/_sandbox/dump?table=Customer")["Customer"]]
        read, line = w.once()
        check(mode + ": the first walk reads everything", read == CUSTOMERS, line)
        read, line = w.once()
        check(mode + ": nothing new, nothing to do", "0 updated" in line and "0 created" in line, line)
        if mode != "scan":
            check(mode + ": and little read", read < (1 if setup else CUSTOMERS / 2), line)
        for no in customers[5], customers[40]:
            w.edit(key=no, fields={"Name": "Changed " + no})
        new = w.edit(action="insert", fields={"Name": "Brand new"})["key"]
        read, line = w.once()
        check(mode + ": two changes and a new one", "1 created" in line and "2 updated" in line, line)
        check(mode + ": they are in Odoo", all((w.partner(no) or {}).get("name") == "Changed " + no
                                               for no in (customers[5], customers[40]))
              and (w.partner(new) or {}).get("name") == "Brand new", line)
        if setup:
            check(mode + ": few were read", read <= 3, line)
            w.edit(key=new, action="delete")
            read, line = w.once()
            check(mode + ": a deletion is noticed", w.partner(new)["active"] is False, line)
        read, line = w.once()
        check(mode + ": quiet again", "0 updated" in line and "0 created" in line, line)
    finally:
        w.close()


def numbered_rows(program):
    """A page whose rows are numbered as they are made: the change log itself, read as a ledger."""
    w = World(program, 'mode = "entry_no"')
    try:
        w.write("customer.lua", LEDGER)
        w.edit(table="Change Log Setup", key="Customer", action="insert")

        def changes(n):
            before = len(fetch(w.nav + "/_sandbox/dump?table=Change%20Log%20Entry")["Change Log Entry"])
            for i in range(n):
                w.edit(key="10000", fields={"Name": "Entry %d %d" % (before, i)})
            return len(fetch(w.nav + "/_sandbox/dump?table=Change%20Log%20Entry")["Change Log Entry"]) - before

        made = changes(3)
        read, line = w.once()
        check("entry_no: every entry is read", read == made and "%d created" % made in line, line)
        more = changes(1)
        read, line = w.once()
        check("entry_no: new ones are", "%d created" % more in line, line)
        for _ in range(2):  # a walk notes how far it came, a later one believes it
            time.sleep(1.1)  # the longest transaction of this NAV
            w.once()
        read, line = w.once()
        check("entry_no: and then nothing is read twice", read == 0, line)
    finally:
        w.close()


if __name__ == "__main__":
    for mode_name, (declared, switch) in MODES.items():
        one_mode(sys.argv[1], mode_name, declared, switch)
    numbered_rows(sys.argv[1])
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)
