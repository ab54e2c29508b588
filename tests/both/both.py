#!/usr/bin/env python3
"""Both directions at once, from outside: two populated systems meet, people work in both, on
disjoint records and on the same ones, and reviews are decided. usage: both.py NAVODOO [PART ...]

Writes are counted by the sandbox (what the engine did, not what people did), and who is
whose by NAV's numbers and by what stands in both systems, never by what the engine keeps.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
FLOWS = os.path.normpath(HERE + "/../../flows")
CUSTOMERS, VENDORS, SHARED, EDITS, CROSSED = 1000, 300, 200, 100, 250
SERVICE = "ODataV4"
LIMIT = 120  # seconds for one command

passed = failed = 0


def check(name, problems):
    global passed, failed
    if problems:
        failed += 1
        print("FAILED: %s\n  %s" % (name, "\n  ".join(str(p) for p in problems[:10])), flush=True)
    else:
        passed += 1


def text(v):
    return "" if v in (None, False) else v


class World:
    def __init__(self, program, data=("--customers", str(CUSTOMERS), "--vendors", str(VENDORS),
                                      "--partners", str(SHARED))):
        self.program = os.path.abspath(program)
        self.work = tempfile.mkdtemp(prefix="navodoo-both.")
        self.state = self.work + "/state"
        self.flows = self.work + "/flows"
        shutil.copytree(HERE + "/flows", self.flows)
        shutil.copytree(FLOWS + "/lookups", self.flows + "/lookups")
        shutil.copy(FLOWS + "/navodoo.lua", self.flows)
        self.sandbox = subprocess.Popen(
            [self.program, "sandbox", "--nav", ":0", "--odoo", ":0", *data],
            stdout=subprocess.PIPE, text=True, env=self.env(), cwd=self.work)
        self.nav = self.sandbox.stdout.readline().split()[1]
        self.odoo = self.sandbox.stdout.readline().split()[1]
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def close(self):
        self.sandbox.send_signal(signal.SIGTERM)
        self.sandbox.wait(LIMIT)
        shutil.rmtree(self.work)

    @staticmethod
    def env():
        env = {k: v for k, v in os.environ.items()
               if "PASSWORD" not in k.upper() and not k.lower().endswith("_proxy")}
        env["NO_COLOR"] = "1"
        return env

    def command(self, *words):
        p = subprocess.run([self.program, *words], capture_output=True, text=True, timeout=LIMIT,
                           env=self.env(), cwd=self.work)
        return p

    def run(self, *words):
        p = self.command("run", self.flows, "--once", "--state", self.state,
                         "--set", "nav.url=%s/DynamicsNAV110/%s" % (self.nav, SERVICE),
                         "--set", "odoo.url=" + self.odoo, *words)
        if p.returncode not in (0, 3):
            raise SystemExit("run: exit code %d\n%s\n%s" % (p.returncode, p.stdout, p.stderr[-3000:]))
        return p

    def review(self, *words):
        return self.command("review", *words, "--state", self.state)

    def reviews(self):
        return json.loads(self.review("list", "--json", "--limit", "100000").stdout)["jobs"]

    def post(self, side, route, body=None, method="POST"):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request("%s/_sandbox/%s" % (side, route), data, method=method)
        return json.load(self.opener.open(request))

    def table(self, name):
        return self.post(self.nav, "dump?table=" + name.replace(" ", "+"), None, "GET")[name]

    def partners(self):
        return {p["id"]: p for p in self.post(self.odoo, "dump?model=res.partner", None, "GET")["res.partner"]}

    def writes(self):
        """(creates, updates) that the engine made: in NAV, of partners in Odoo."""
        nav = self.post(self.nav, "stats", None, "GET")
        odoo = self.post(self.odoo, "stats", None, "GET")
        return (nav["creates"], nav["updates"], odoo["creates"].get("res.partner", 0),
                odoo["writes"].get("res.partner", 0))

    def links(self, flow):
        """NAV number -> partner id."""
        rows = json.loads(self.command("links", "--flow", flow, "--json", "--limit", "100000",
                                       "--state", self.state).stdout)["links"]
        return {r["nav"].split("/", 1)[1]: int(r["odoo"]) for r in rows}

    def edit_nav(self, table, key, **fields):
        self.post(self.nav, "edit", {"table": table, "key": key, "fields": fields})

    def edit_odoo(self, key, **fields):
        self.post(self.odoo, "edit", {"model": "res.partner", "key": key, "fields": fields})


PAIRS = [("Name", "name"), ("Address", "street"), ("Post_Code", "zip"), ("City", "city"),
         ("Phone_No", "phone"), ("E_Mail", "email")]


def differences(w, table, flow, but=()):
    """What is not the same on both sides, of the linked ones."""
    links, partners, out = w.links(flow), w.partners(), []
    for card in w.table(table):
        if card["No"] not in links:
            if card["No"] not in but:
                out.append("%s %s is linked to nothing" % (table, card["No"]))
            continue
        partner = partners[links[card["No"]]]
        for nav, odoo in PAIRS:
            mine, theirs = card[nav], text(partner[odoo])
            if nav == "E_Mail":
                mine, theirs = mine.lower(), theirs.lower()
            if mine != theirs and card["No"] not in but:
                out.append("%s %s %s: %r, partner %d: %r" % (table, card["No"], nav, mine, partner["id"], theirs))
    return out


def same_writes(w, before, what, expected=(0, 0, 0, 0)):
    after = w.writes()
    done = tuple(a - b for a, b in zip(after, before))
    check(what, [] if done == expected else ["writes %s, expected %s (creates and updates in NAV, in Odoo)"
                                             % (done, expected)])


def parked(w, flow):
    """Records that wait for a person, by NAV number where they have one."""
    links = {str(v): k for k, v in w.links(flow).items()}
    return {links.get(r["record"], r["record"].split("/", 1)[-1]) for r in w.reviews() if r["flow"] == flow}


def meeting(w):
    """First sight of two populated systems."""
    known = {p["id"] for p in w.partners().values() if p["customer_rank"] or p["supplier_rank"]}
    cards = len(w.table("Customer")), len(w.table("Vendor"))
    w.run()
    before = w.writes()
    w.run()
    same_writes(w, before, "a second run writes nothing")
    linked = set(w.links("customer").values()) | set(w.links("vendor").values())
    waiting = {r["record"] for r in w.reviews()}
    doubled = [i for i in known if i not in linked and str(i) not in waiting]
    check("every partner that both knew is linked, or a person is asked", doubled)
    check("most of them are linked", [] if len(known - linked) <= len(known) // 10
          else ["%d of %d are not" % (len(known - linked), len(known))])
    created = len(w.table("Customer")) - cards[0] + len(w.table("Vendor")) - cards[1]
    check("nothing is created in NAV beside what it has", [] if created == 0 else ["%d records" % created])
    for table, flow in (("Customer", "customer"), ("Vendor", "vendor")):
        check("%s: both sides are equal" % flow, differences(w, table, flow, parked(w, flow)))
    shared = set(w.links("customer").values()) & set(w.links("vendor").values())
    check("some partners are customer and vendor", [] if len(shared) > 10 else ["%d are" % len(shared)])
    return shared


def disjoint(w, shared):
    """People edit different records on each side: as many updates, and then silence."""
    links = {no: i for no, i in w.links("customer").items() if i not in shared}
    numbers = sorted(set(links) - parked(w, "customer"))
    random.Random(1).shuffle(numbers)
    before = w.writes()
    for n, no in enumerate(numbers[:EDITS]):
        w.edit_nav("Customer", no, Phone_No="+43 1 %d" % (10000 + n))
    for n, no in enumerate(numbers[EDITS:2 * EDITS]):
        w.edit_odoo(links[no], phone="+49 30 %d" % (10000 + n))
    w.run()
    same_writes(w, before, "%d edits on each side are as many updates" % EDITS, (0, EDITS, 0, EDITS))
    before = w.writes()
    w.run()
    w.run()
    w.post(w.nav, "clock", {"days": 1})
    w.post(w.odoo, "clock", {"days": 1})
    w.run()
    same_writes(w, before, "two further runs and one past midnight write nothing")
    check("after the edits both sides are equal", differences(w, "Customer", "customer", parked(w, "customer")))


def crossed(w, shared):
    """People edit the same fields of the same records differently on both sides."""
    links = {no: i for no, i in w.links("customer").items() if i not in shared}
    numbers = sorted(set(links) - parked(w, "customer"))[:CROSSED]
    names = [("Phone_No", "phone"), ("Address", "street"), ("E_Mail", "email"), ("Name", "name")]
    for n, no in enumerate(numbers):
        w.edit_nav("Customer", no, Phone_No="+1 %d" % n, Address="N %d" % n, E_Mail="n%d@nav.example" % n,
                   Name="Nav %d" % n)
        w.edit_odoo(links[no], phone="+2 %d" % n, street="O %d" % n, email="o%d@odoo.example" % n, name="Odoo %d" % n)
    before = w.writes()
    w.run()
    same_writes(w, before, "a crossed edit overwrites nothing")
    by_nav = {}
    for r in w.reviews():
        if r["error"].get("rule") == "conflict":
            by_nav.setdefault(r["error"]["nav"].split("/", 1)[1], []).append(r)
    cards, partners, lost = {c["No"]: c for c in w.table("Customer")}, w.partners(), []
    for no in numbers:
        shown = by_nav.get(no, [])
        if len(shown) != 1:
            lost.append("%s has %d reviews" % (no, len(shown)))
            continue
        for nav, odoo in names:
            for c in shown[0]["error"]["conflicts"]:
                if c["nav"].get(nav) == cards[no][nav] and c["odoo"].get(odoo) == partners[links[no]][odoo]:
                    break
            else:
                lost.append("%s: %s is not shown" % (no, nav))
    check("each of %d crossed edits waits for a person, with both values" % (4 * CROSSED), lost)
    before = w.writes()
    w.run()
    same_writes(w, before, "conflicts are quiet until they are decided")
    check("and asked about once", [] if len(by_nav) == len([r for r in w.reviews() if r["error"].get("rule") == "conflict"])
          else ["more reviews after a further run"])
    expected = {}
    for n, no in enumerate(numbers):
        job = str(by_nav[no][0]["id"])
        words = (["nav"], ["odoo"], ["nav", "Phone_No=+3 %d" % n], ["odoo", "Name=nav"])[n % 4]
        p = w.review("take", job, *words) if n < 40 else None
        if p is None:
            continue
        if p.returncode:
            lost.append("take %s: %s" % (" ".join(words), p.stderr))
        side = "Nav" if n % 4 in (0, 2, 3) else "Odoo"
        phone = ("+1 %d", "+2 %d", "+3 %d", "+2 %d")[n % 4] % n
        expected[no] = ("%s %d" % (side, n), phone)
    w.run()
    wrong, cards, partners = lost, {c["No"]: c for c in w.table("Customer")}, w.partners()
    for no, (name, phone) in expected.items():
        card, partner = cards[no], partners[links[no]]
        for mine, theirs, want in ((card["Name"], partner["name"], name), (card["Phone_No"], partner["phone"], phone)):
            if not mine == theirs == want:
                wrong.append("%s: NAV %r, Odoo %r, decided %r" % (no, mine, theirs, want))
    check("what a person takes is on both sides", wrong)
    before = w.writes()
    w.run()
    same_writes(w, before, "and is quiet after one round")


def moved(w, shared):
    """A side that changed again after the review was shown is asked about anew."""
    links = {no: i for no, i in w.links("customer").items() if i not in shared}
    no = sorted(set(links) - parked(w, "customer"))[-1]
    w.edit_nav("Customer", no, Phone_No="+7 1")
    w.edit_odoo(links[no], phone="+7 2")
    w.run()
    first = [r for r in w.reviews() if r["error"].get("nav", "").endswith("/" + no)]
    w.edit_odoo(links[no], phone="+7 3")
    p = w.review("take", str(first[0]["id"]), "nav")
    w.run()
    again = [r for r in w.reviews() if r["error"].get("nav", "").endswith("/" + no)]
    problems = [] if p.returncode == 0 else [p.stderr]
    if len(again) != 1 or again[0]["error"]["conflicts"][0]["odoo"]["phone"] != "+7 3":
        problems.append("reviews %s" % again)
    check("what moved since it was shown is shown again", problems)


def ping_pong(w, shared):
    """Each system rounds what the other wrote: it ends, with an explanation."""
    links = {no: i for no, i in w.links("customer").items() if i not in shared}
    no = sorted(set(links) - parked(w, "customer"))[-1]
    turns, found = 0, []
    while turns < 30 and not found:
        turns += 1
        if turns % 2:
            w.edit_nav("Customer", no, Phone_No="+8 1.%03d" % turns)
        else:
            w.edit_odoo(links[no], phone="+8 1.%02d" % turns)
        w.run()
        found = [r for r in w.reviews() if r["error"].get("rule") == "restless"]
    problems = [] if found and turns < 15 else ["%d turns, %d reviews" % (turns, len(found))]
    if found and "Phone_No" not in found[0]["why"]:
        problems.append(found[0]["why"])
    check("a record that keeps changing hands is stopped and shown", problems)
    p = w.review("take", str(found[0]["id"]), "odoo") if found else None
    w.run()
    partner, card = w.partners()[links[no]], {c["No"]: c for c in w.table("Customer")}[no]
    check("and goes on when a person has decided", [] if p and p.returncode == 0 and partner["phone"] == card["Phone_No"]
          else [p and p.stderr, partner["phone"], card["Phone_No"]])


def cluster(w, shared):
    """A partner with two cards: the customer card owns what both have."""
    customers, vendors = ({i: no for no, i in w.links(f).items()} for f in ("customer", "vendor"))
    waiting = parked(w, "customer") | parked(w, "vendor")
    both = [i for i in sorted(shared) if customers[i] not in waiting and vendors[i] not in waiting]
    w.edit_nav("Customer", customers[both[0]], Phone_No="+9 1")
    w.edit_odoo(both[1], phone="+9 2")
    w.edit_nav("Vendor", vendors[both[2]], Phone_No="+9 3")
    w.run()
    before = w.writes()
    w.run()
    same_writes(w, before, "cards of one partner are at rest after one run")
    cards = {c["No"]: c["Phone_No"] for t in ("Customer", "Vendor") for c in w.table(t)}
    phone, wrong = {i: text(p["phone"]) for i, p in w.partners().items()}, []
    for i, want in ((both[0], "+9 1"), (both[1], "+9 2")):
        got = (cards[customers[i]], phone[i], cards[vendors[i]])
        if got != (want, want, want):
            wrong.append("partner %d: customer, partner, vendor have %s" % (i, got))
    if phone[both[2]] == "+9 3":
        wrong.append("the vendor card overwrote a field that the customer card owns")
    check("a change reaches both cards, from the owner and from Odoo", wrong)


def gone(w, shared):
    """What one side no longer has is archived or blocked on the other, never deleted."""
    links = {no: i for no, i in w.links("customer").items() if i not in shared}
    there, put_away = sorted(set(links) - parked(w, "customer"))[:2]
    here = "GONE1" # the others have ledger entries
    w.post(w.nav, "edit", {"table": "Customer", "key": here, "insert": True, "fields": {
        "Name": "Kurzlebig", "Customer_Posting_Group": "EU"}})
    w.run()
    links = w.links("customer")
    w.post(w.nav, "edit", {"table": "Customer", "key": here, "delete": True})
    w.post(w.odoo, "edit", {"model": "res.partner", "key": links[there], "delete": True})
    w.edit_odoo(links[put_away], active=False)
    w.run("--all")
    archived = {c["No"]: c for c in w.table("Customer")}[put_away]
    check("a customer whose partner is archived is blocked in NAV", [] if archived["Blocked"] == "All" else [archived])
    card = {c["No"]: c for c in w.table("Customer")}.get(there)
    partner = w.partners().get(links[here])
    check("a customer that NAV lost is archived in Odoo", [] if partner and partner["active"] is False else [partner])
    check("a partner that Odoo lost is blocked in NAV", [] if card and card["Blocked"] == "All" else [card])
    before = w.writes()
    w.run("--all")
    same_writes(w, before, "and that is all")


def children(w, _):
    """What belongs to a customer waits for it, and is called what it was called."""
    w.post(w.nav, "edit", {"table": "Customer", "key": "FAMILY", "insert": True, "fields": {
        "Name": "Familie Fenchel", "Address": "Gasse 1", "City": "Graz", "Customer_Posting_Group": "EU"}})
    w.post(w.nav, "edit", {"table": "Ship-to Address", "key": ["FAMILY", "LAGER"], "insert": True, "fields": {
        "Name": "Lager Fenchel", "Address": "Tor 1", "City": "Graz"}})
    w.post(w.nav, "edit", {"table": "Ship-to Address", "key": ["FAMILY", "LAGER"], "fields": {"Name": "Lager Fenchel"}})
    firm = w.post(w.odoo, "edit", {"model": "res.partner", "insert": True, "fields": {
        "name": "Borretsch Handels AG", "customer_rank": 1, "street": "Ring 1", "city": "Wien",
        "is_company": True}})["key"]
    w.post(w.odoo, "edit", {"model": "res.partner", "insert": True, "fields": {
        "name": "Rampe Borretsch", "parent_id": firm, "type": "delivery", "street": "Tor 2", "city": "Linz"}})
    w.run()
    problems = []
    families = {c["Name"]: c["No"] for c in w.table("Customer")}
    children = {p["name"]: p for p in w.partners().values() if p["parent_id"]}
    cards = {a["Name"]: a for a in w.table("Ship-to Address")}
    in_odoo, in_nav = children.get("Lager Fenchel"), cards.get("Rampe Borretsch")
    if not in_odoo or in_odoo["parent_id"] != w.links("customer")["FAMILY"] or in_odoo["street"] != "Tor 1":
        problems.append("the address of FAMILY in Odoo: %s" % in_odoo)
    if not in_nav or in_nav["Customer_No"] != families["Borretsch Handels AG"] or in_nav["Address"] != "Tor 2":
        problems.append("the address of the firm in NAV: %s" % in_nav)
    check("addresses wait for their customers, in one run", problems)
    before = w.writes()
    w.run()
    same_writes(w, before, "and are at rest")


def by_hand(w, _):
    """Two that look alike: linked by a person, or not."""
    w.post(w.odoo, "edit", {"model": "res.partner", "insert": True, "fields": {
        "name": "Quendel & Thymian Ges.m.b.H.", "customer_rank": 1, "city": "Graz", "phone": "+43 316 11"}})
    w.post(w.nav, "edit", {"table": "Customer", "key": "HAND1", "insert": True, "fields": {
        "Name": "Quendel & Thymian GmbH", "City": "Linz", "Customer_Posting_Group": "EU"}})
    w.run()
    found = [r for r in w.reviews() if r["error"].get("rule") == "adopt" and "Quendel" in r["why"]]
    problems = [] if found else ["nobody is asked"]
    if found:
        job = found[0]
        key = str(job["error"]["candidates"][0]["id"])
        p = w.review("link", str(job["id"]), key)
        problems += [p.stderr] if p.returncode else []
        w.run()
        w.run()
        ids = [i for i, c in w.partners().items() if "Quendel" in c["name"]]
        cards = [c["No"] for c in w.table("Customer") if "Quendel" in c["Name"]]
        if ids != [w.links("customer").get("HAND1")] or cards != ["HAND1"]:
            problems.append("partners %s, customers %s, linked %s" % (ids, cards, w.links("customer").get("HAND1")))
    check("two that look alike wait, and a person links them", problems)


def main():
    w = World(sys.argv[1])
    try:
        began = time.time()
        shared = meeting(w)
        for part in (disjoint, crossed, moved, ping_pong, cluster, gone, children, by_hand):
            if sys.argv[2:] and part.__name__ not in sys.argv[2:]:
                continue
            part(w, shared)
            print("%s: %.1f s" % (part.__name__, time.time() - began), flush=True)
    finally:
        w.close()
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
