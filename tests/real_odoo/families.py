"""People and places of customers, both ways on a real Odoo: child contacts and delivery addresses
with NAV's contacts and ship-to addresses.
"""
import time

from both import Both, quiet
from real import World

CUSTOMERS, CONTACTS, ADDRESSES = 20, 12, 12
SAME = [("Name", "name"), ("City", "city"), ("Phone_No", "phone"), ("E_Mail", "email"),
        ("Post_Code", "zip")]


class Families(Both):
    def __init__(self, navodoo, database):
        World.__init__(self, navodoo, database, CUSTOMERS, args=(
            "--contacts", str(CONTACTS), "--addresses", str(ADDRESSES)))
        self.person = self.admin

    def table(self, name):
        return self.http("nav", "GET", "/_sandbox/dump?table=" + name.replace(" ", "%20"))[name]

    def children(self):
        """(kind, NAV key) -> (NAV record, number of its customer)."""
        company = {r["Contact_No"]: r["No"] for r in self.table("Contact Business Relation")
                   if r["Link_to_Table"] == "Customer"}
        found = {("contact", c["No"]): (c, company.get(c["Company_No"]))
                 for c in self.table("Contact") if c["Type"] == "Person"}
        for a in self.table("Ship-to Address"):
            found["ship-5fto", f"{a['Customer_No']},{a['Code']}"] = (a, a["Customer_No"])
        return found

    def wrong(self):
        """What is not one child under the right parent, the same on both sides."""
        parents, wrong = self.named("customer"), []
        names = {kind: self.named(kind) for kind in ("contact", "ship-5fto")}
        ids = [i for found in names.values() for i in found.values()]
        rows = {r["id"]: r for r in self.admin.rows("res.partner", [["id", "in", ids]], [
            "name", "city", "phone", "email", "zip", "street", "street2", "parent_id", "type"])}
        for (kind, key), (record, customer) in self.children().items():
            p = rows.pop(names[kind].get(key), None)
            if not p or p["parent_id"] != parents.get(customer):
                wrong.append(f"{kind} {key} of {customer}: {p}")
                continue
            street = [s for s in (record["Address"], record["Address_2"]) if s]
            if p["type"] != ("contact" if kind == "contact" else "delivery") \
                    or street != [s for s in (p["street"], p["street2"]) if s]:
                wrong.append(f"{kind} {key}: {p}, NAV has {street}")
            for nav, odoo in SAME:
                if record[nav].lower() != (p[odoo] or "").lower():
                    wrong.append(f"{kind} {key}: {odoo} {p[odoo]!r}, NAV has {record[nav]!r}")
        return wrong + [f"partner {r} is nobody's" for r in rows]

    def all_stamps(self):
        rows = self.admin.rows("res.partner", [["ref", "!=", False]], ["write_date"])
        return {r["id"]: r["write_date"] for r in rows}

    def first(self, kind, n):
        """The nth child of a kind: its NAV record, its partner."""
        key = sorted(k for t, k in self.children() if t == kind)[n]
        return self.children()[kind, key][0], self.named(kind)[key]


def settled(tally, world, what):
    """Runs until at rest; both sides must be the same then, and stay so."""
    out = world.run()
    wrong = world.wrong()
    tally.check(f"families: {what}: the same on both sides",
                wrong and f"{len(wrong)} {wrong[:3]}\n{out[-500:]}")
    quiet(world, f"families: {what}", tally)


def run(tally, say, navodoo):
    world = Families(navodoo, "families")
    try:
        begin = time.monotonic()
        settled(tally, world, "first load")
        say(f"families: first load and a second run, {time.monotonic() - begin:.1f} s")
        (contact, _), (_, child) = world.first("contact", 0), world.first("contact", 1)
        (address, _), (_, place) = world.first("ship-5fto", 0), world.first("ship-5fto", 1)
        for table, key, fields in (
                ("Contact", contact["No"], {"E_Mail": "person@nav.example"}),
                ("Ship-to Address", [address["Customer_No"], address["Code"]],
                 {"Name": "Lager Ost", "Address": "Kai 1"})):
            world.http("nav", "POST", "/_sandbox/edit",
                       {"table": table, "key": key, "fields": fields})
        world.person.call("res.partner", "write", [child], {"name": "Erika Neu", "phone": "+1 2"})
        world.person.call("res.partner", "write", [place], {"name": "Depot", "street": "Quay 7"})
        before = world.nav_writes()
        settled(tally, world, "two edits on each side")
        made, updated = (b - a for a, b in zip(before, world.nav_writes()))
        tally.check("families: that were two updates in NAV",
                    (made, updated) != (0, 2) and f"{made} made, {updated} updated")

        parent = world.admin.rows("res.partner", [["id", "=", child]], ["parent_id"])[0]["parent_id"]
        world.person.call("res.partner", "create", [
            {"name": "Neue Person", "parent_id": parent, "type": "contact", "email": "np@o.example"},
            {"name": "Neues Lager", "parent_id": parent, "type": "delivery", "street": "Tor 3",
             "city": "Hamburg", "zip": "20457"}])
        count = len(world.children())
        settled(tally, world, "a person and a place that are new in Odoo")
        tally.check("families: each is in NAV once", len(world.children()) != count + 2 and
                    f"{len(world.children())}, expected {count + 2}")

        world.person.call("res.partner", "write", [parent], {"street": "Umgezogen 5"})
        settled(tally, world, "a firm that moves, and its people with it")
    finally:
        world.close()
