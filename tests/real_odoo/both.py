"""Both directions on a real Odoo: two populated systems meet, then both are edited, then killed.

Who is whose is counted by NAV's numbers and by what stands in both, never by what the engine
keeps. The sandbox's own Odoo is not written to: it lends the partners that both sides know.
"""
import random
import re
import signal
import time

from client import Fault
from real import READ, World, calls_since, client, crash, log_mark, under_way

CUSTOMERS, VENDORS, SHARED, OURS, EDITS, KILLS = 100, 30, 20, 5, 10, 5
LENT = ["name", "is_company", "street", "street2", "zip", "city", "country_id", "phone", "email",
        "website", "vat", "customer_rank", "supplier_rank"]


class Both(World):
    """A World that starts with partners on both sides, and counts writes on both."""

    def __init__(self, navodoo, database):
        super().__init__(navodoo, database, CUSTOMERS, partners=SHARED,
                         args=("--vendors", str(VENDORS)))
        self.person = client(database, "plain")  # a person is another user than the engine
        lent = [p for p in self.http("odoo", "GET", "/_sandbox/dump?table=res.partner")["res.partner"]
                if p["customer_rank"] or p["supplier_rank"]]
        self.shared = []
        for p in lent:
            try:
                self.shared += self.person.call("res.partner", "create", [{k: p[k] for k in LENT}])
            except Fault as e:  # Odoo checks VAT numbers more strictly than the sandbox
                p = {**p, "vat": False}
                self.shared += self.person.call("res.partner", "create", [{k: p[k] for k in LENT}])
                print(f"  without its VAT number: {p['name']}: {e.message.strip().splitlines()[0]}")
        self.ours = self.person.call("res.partner", "create", [
            {"name": f"Only in Odoo {n}", "is_company": True, "city": "Wien", "customer_rank": 1,
             "email": f"only{n}@odoo.example", "country_id": self.country("AT")}
            for n in range(OURS)])

    def named(self, flow):
        """NAV number -> partner, by the external ids of a flow."""
        rows = self.admin.rows("ir.model.data", [
            ["module", "=", "navodoo"], ["name", "=like", f"%\\_{flow}\\_%"]], ["name", "res_id"])
        return {re.sub("-([0-9a-f]{2})", lambda m: chr(int(m[1], 16)),
                       r["name"].split(f"_{flow}_")[1]): r["res_id"] for r in rows}

    def partners(self):
        """The customers' partners under NAV's number of the customer: the one reference of a firm
        with two cards may be the vendor's."""
        numbers = {i: no for no, i in self.named("customer").items()}
        rows = self.admin.rows("res.partner", [["id", "in", list(numbers)]], READ)
        return [{**row, "ref": numbers[row["id"]]} for row in rows]

    def strays(self):
        """Partners with a rank that are no card's and wait for nobody: one made twice is one."""
        known = set(self.named("customer").values()) | set(self.named("vendor").values())
        return sorted(i for i in set(self.all_stamps()) - known if str(i) not in self.parked())

    def vendors_wrong(self):
        """Vendors that are not one partner each, or under another name."""
        parked, named = self.parked(), self.named("vendor")
        rows = {p["id"]: p for p in self.admin.rows("res.partner", [
            ["id", "in", list(named.values())]], ["name", "supplier_rank"])}
        wrong = [f"{len(named)} names, {len(rows)} partners"] if len(named) != len(rows) else []
        for v in self.http("nav", "GET", "/_sandbox/dump?table=Vendor")["Vendor"]:
            p = rows.get(named.get(v["No"]))
            if v["No"] in parked or p and str(p["id"]) in parked:
                continue
            if not p or p["supplier_rank"] < 1 or p["name"] != v["Name"]:
                wrong.append(f"{v['No']} {v['Name']}: {p}")
        return wrong

    def parked(self):
        return {j["record"].rsplit("/", 1)[-1]
                for j in self.command("dead", "--limit", "1000000")["jobs"]}

    def country(self, code):
        return next(i for i, c in self.countries.items() if c == code)

    def cards(self):
        return {c["No"]: c for c in self.customers()}

    def nav_writes(self):
        stats = self.http("nav", "GET", "/_sandbox/stats")
        return stats["creates"], stats["updates"]

    def all_stamps(self):
        rows = self.admin.rows("res.partner", ["|", ["customer_rank", ">", 0],
                                               ["supplier_rank", ">", 0]], ["write_date"])
        return {r["id"]: r["write_date"] for r in rows}

    def linked(self):
        """NAV number -> partner, of those that neither side waits for a person with."""
        parked = self.parked()
        return {p["ref"]: p["id"] for p in self.partners()
                if p["ref"] not in parked and str(p["id"]) not in parked}


def quiet(world, what, tally, *args):
    """A run that must write nothing on either side."""
    time.sleep(1.1)  # write_date shows whole seconds
    before, nav = world.all_stamps(), world.nav_writes()
    out = world.run(*args)
    after = world.all_stamps()
    written = [i for i in after if after[i] != before.get(i)]
    done = tuple(b - a for a, b in zip(nav, world.nav_writes()))
    tally.check(f"{what}: zero writes",
                (written or done != (0, 0)) and
                f"Odoo {len(written)} {written[:5]}, NAV {done}\n{out[-600:]}")


def meet(tally, world, say):
    begin, mark = time.monotonic(), log_mark()
    out = world.run()
    say(f"both: first run {time.monotonic() - begin:.1f} s: {out.strip().splitlines()[-1]}")
    created, updated = world.nav_writes()
    cards, linked = world.cards(), world.linked()
    names = {c["Name"]: no for no, c in cards.items()}
    missing = [n for n in range(OURS) if f"Only in Odoo {n}" not in names]
    tally.check("both: a customer that only Odoo had is in NAV once, and knows its number",
                (missing or created != OURS or len(cards) != CUSTOMERS + OURS
                 or [i for n, i in enumerate(world.ours)
                     if linked.get(names.get(f"Only in Odoo {n}")) != i])
                and f"missing {missing}, {created} created, {len(cards)} cards")
    adopted = [i for i in world.shared if i in linked.values()]
    say(f"both: {len(adopted)} of {len(world.shared)} met partners are linked, "
        f"{updated} cards changed, {sum(calls_since(mark).values())} calls to Odoo")
    tally.check("both: every partner is one card's or waits for a person", world.strays())
    tally.check("both: and all that is linked is the same on both sides", crash.verdict(world))
    tally.check("both: each vendor is one partner", world.vendors_wrong()[:4])


NAV_EDITS = [{"Phone_No": "+43 1 55500{n}"}, {"Address": "Neue Gasse {n}"}, {"E_Mail": "neu{n}@nav.example"},
             {"Name": "Umbenannt {n} GmbH"}, {"Home_Page": "www.neu{n}.example"}]
ODOO_EDITS = [{"phone": "+36 1 55500{n}"}, {"street": "Új utca {n}"}, {"email": "neu{n}@odoo.example"},
              {"name": "Renamed {n} Ltd."}, {"street2": "Stair {n}"}]


def numbered(fields, n):
    return {k: v.format(n=n) for k, v in fields.items()}


def edit_both(world, n, rng):
    """`n` edits on each side, on records that are nobody's doubt; answers both lists."""
    linked, vendors = world.linked(), set(world.named("vendor").values())
    # a partner with two cards makes two updates
    chosen = rng.sample(sorted(no for no, i in linked.items() if i not in vendors), 2 * n)
    for i, no in enumerate(chosen[:n]):
        world.edit(no, **numbered(NAV_EDITS[i % len(NAV_EDITS)], rng.randint(100, 999)))
    for i, no in enumerate(chosen[n:]):
        world.person.call("res.partner", "write", [linked[no]],
                          numbered(ODOO_EDITS[i % len(ODOO_EDITS)], rng.randint(100, 999)))
    return [linked[no] for no in chosen[:n]], chosen[n:]


def edits(tally, world):
    nav_edited, odoo_edited = edit_both(world, EDITS, random.Random(19))
    time.sleep(1.1)
    before, nav, cards = world.all_stamps(), world.nav_writes(), world.cards()
    out = world.run()
    after, cards_after = world.all_stamps(), world.cards()
    written = sorted(i for i in after if after[i] != before.get(i))
    changed = sorted(no for no, c in cards_after.items() if c != cards[no])
    done = tuple(b - a for a, b in zip(nav, world.nav_writes()))
    tally.check(f"both: {EDITS} edits on each side are exactly {2 * EDITS} updates",
                (written != sorted(nav_edited) or done != (0, EDITS)
                 or changed != sorted(odoo_edited)) and
                f"Odoo {len(written)} of {len(nav_edited)}, NAV {done}, cards {len(changed)} of "
                f"{len(odoo_edited)}\n{out[-800:]}")
    tally.check("both: and both sides say the same", crash.verdict(world))


def kills(tally, world, say):
    """Edits on both sides and new partners in Odoo, the engine killed under way again and again."""
    rng, killed, made = random.Random(), 0, 0
    cards = len(world.cards())
    for n in range(KILLS):
        edit_both(world, 5, rng)
        world.person.call("res.partner", "create", [
            {"name": f"Born under fire {n}", "customer_rank": 1, "is_company": True,
             "country_id": world.country("AT")}])
        made += 1
        process, mark = world.engine(), log_mark()
        under_way(mark, n)
        time.sleep(rng.uniform(0, 0.15))
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    out = world.run()
    say(f"both: the run after {killed} kills: {out.strip().splitlines()[-1]}")
    names = [c["Name"] for c in world.customers()]
    tally.check("both: killed under way, each new partner is in NAV once",
                (len(names) != cards + made
                 or [n for n in range(made) if names.count(f"Born under fire {n}") != 1])
                and f"{len(names)} cards, expected {cards + made}: {sorted(names)[-8:]}")
    tally.check("both: and nothing is lost or different", crash.verdict(world))
    tally.check("both: and every partner is one card's", world.strays())
    quiet(world, "both: a run after the kills", tally)


def run(tally, say, navodoo):
    world = Both(navodoo, "both")
    try:
        meet(tally, world, say)
        quiet(world, "both: the run after the first", tally, "--all")
        edits(tally, world)
        quiet(world, "both: a further run", tally)
        quiet(world, "both: another", tally)
        world.http("nav", "POST", "/_sandbox/clock", {"days": 1})
        quiet(world, "both: one past midnight", tally)
        kills(tally, world, say)
    finally:
        world.close()
