"""Customers, vendors, persons and ship-to addresses on both sides: who changes what, and who
is whose afterwards.

Counted by the sources' own keys from dumps of both systems: NAV's number is the partner's
reference (an address: of its parent and its own), what began in Odoo has a name that nobody
else has. What navodoo keeps is asked for one thing only: the records that wait for a person.
"""
KINDS = ("customer", "vendor", "contact", "ship_to")
TABLES = {"customer": "Customer", "vendor": "Vendor", "contact": "Contact", "ship_to": "Ship-to Address"}
RANKS = {"customer": "customer_rank", "vendor": "supplier_rank"}


def text(value):
    return "" if value in (None, False) else value


def key_of(kind, card):
    return card["Customer_No"] + "," + card["Code"] if kind == "ship_to" else card["No"]


def wire_key(kind, card):
    return [card["Customer_No"], card["Code"]] if kind == "ship_to" else card["No"]


class Families:
    """What stands in both systems now."""

    def __init__(self, world):
        self.world = world
        self.cards = {kind: [c for c in world.http("nav", "GET", "/_sandbox/dump?table=" + table.replace(" ", "+"))[table]
                             if kind != "contact" or c["Type"] == "Person"] for kind, table in TABLES.items()}
        self.firms = {c["Name"]: c["No"] for c in world.http("nav", "GET", "/_sandbox/dump?table=Contact")["Contact"]
                      if c["Type"] == "Company"}
        self.partners = world.odoo_rows()
        self.by_id = {p["id"]: p for p in self.partners}
        self.found = {}
        for p in self.partners:
            for kind in self.kinds(p):
                self.found.setdefault((kind, self.nav_key(kind, p)), []).append(p)

    @staticmethod
    def kinds(p):
        if p["parent_id"]:
            return ["ship_to" if p["type"] == "delivery" else "contact"]
        return [kind for kind, rank in RANKS.items() if (p[rank] or 0) > 0]

    def nav_key(self, kind, p):
        if kind != "ship_to" or not text(p["ref"]):
            return text(p["ref"])
        return text(self.by_id[p["parent_id"]]["ref"]) + "," + p["ref"]

    def of(self, kind, card):
        """Partners that stand for a card; a vendor that is a customer, too, has the customer's number."""
        mine = self.found.get((kind, key_of(kind, card)), [])
        if kind != "vendor":
            return mine
        other = [c["No"] for c in self.cards["customer"] if c["Name"] == card["Name"]]
        mine = [p for p in mine if not p["customer_rank"] or card["No"] in other]
        return mine + [p for no in other if no != card["No"] for p in self.found.get((kind, no), [])]


class Work:
    """Changes of one kind of record on both sides, each to be found on the other."""

    def __init__(self, world, kind, edits=4, new=2):
        self.world, self.kind, self.moved, self.born = world, kind, {}, []
        now = Families(world)
        names = [c["Name"] for c in now.cards["customer"]]
        cards = [c for c in now.cards[kind] if len(now.of(kind, c)) == 1
                 and not (kind == "vendor" and c["Name"] in names)]
        for n, card in enumerate(cards[:2 * edits]):
            phone = "+43 1 %d" % (1000 + n)
            self.moved[key_of(kind, card)] = phone
            if n % 2:
                self.edit({"table": TABLES[kind], "key": wire_key(kind, card), "fields": {"Phone_No": phone}})
            else:
                world.odoo_edit(now.of(kind, card)[0]["id"], phone=phone)
        self.parent = next(c for c in now.cards["customer"] if c["Blocked"] == " " and len(now.of("customer", c)) == 1)
        self.firm = now.firms[self.parent["Name"]]
        for n in range(new):
            self.in_nav("NEW%d" % n, "Nordlicht %s %d" % (kind, n))
            self.in_odoo(now.of("customer", self.parent)[0]["id"], "Ostwind %s %d" % (kind, n))

    def edit(self, body):
        self.world.http("nav", "POST", "/_sandbox/edit", body)

    def in_nav(self, key, name):
        fields = {"Name": name, "City": "Graz", "Phone_No": "+43 2 " + key}
        if self.kind == "contact":
            fields = {"Type": "Person", "Company No.": self.firm, **fields}
        elif self.kind == "ship_to":
            key = [self.parent["No"], key]
        else:
            fields.update({"Country_Region_Code": "AT", TABLES[self.kind] + "_Posting_Group": "EU"})
        self.born.append(name)
        self.edit({"table": TABLES[self.kind], "key": key, "insert": True, "fields": fields})
        if self.kind == "ship_to":  # which takes the customer's name when it is made
            self.edit({"table": TABLES[self.kind], "key": key, "fields": {"Name": name}})

    def in_odoo(self, parent, name):
        fields = {"name": name, "city": "Linz", "phone": "+43 3 1"}
        if self.kind in RANKS:
            fields[RANKS[self.kind]] = 1
        else:
            fields.update(parent_id=parent, type="delivery" if self.kind == "ship_to" else "contact")
        self.born.append(name)
        self.world.odoo_edit(None, **fields)

    def problems(self, now, parked):
        """Changes that did not arrive, or arrived twice. What waits for a person with both
        words, because nobody can tell whether ours was the one that NAV put its own over, is
        neither; but it is there once."""
        out = []
        for card in now.cards[self.kind]:
            want = self.moved.get(key_of(self.kind, card))
            for p in now.of(self.kind, card) if want else ():
                if card["Phone_No"] != want or text(p["phone"]) != want:
                    out.append("lost: %s %s was changed to %s, NAV %s, Odoo %s" % (
                        self.kind, key_of(self.kind, card), want, card["Phone_No"], p["phone"]))
        for name in self.born:
            cards = sum(c["Name"] == name for c in now.cards[self.kind])
            partners = [p for p in now.partners if p["name"] == name]
            asked = [p for p in partners if (self.kind, str(p["id"])) in parked
                     or (self.kind, now.nav_key(self.kind, p).rsplit("/", 1)[-1]) in parked]
            if len(asked) == len(partners) == 1 and cards <= 1:
                continue
            partners = len(partners)
            if (cards, partners) != (1, 1):
                out.append("%s: %s is %d times in NAV, %d times in Odoo" % (
                    "doubled" if max(cards, partners) > 1 else "lost", name, cards, partners))
        return out


def waiting(world):
    """(kind, NAV key or id of the partner) of what waits for a person."""
    return {(j["flow"], j["record"].rsplit("/", 1)[-1]) for what in (["dead"], ["review", "list"])
            for j in world.command(*what, "--limit", "1000000")["jobs"]}


def problems(world, work=()):
    """Everything that is not as it should be: one line each."""
    now, parked, out = Families(world), waiting(world), []
    for kind in KINDS:
        for card in now.cards[kind]:
            key, mine = key_of(kind, card), now.of(kind, card)
            if len(mine) > 1:
                out.append("doubled: %s %s is partners %s" % (kind, key, [p["id"] for p in mine]))
            elif not mine and (kind, key) not in parked:
                out.append("lost: %s %s (%s)" % (kind, key, card["Name"]))
            elif mine and text(mine[0]["name"]) != card["Name"] and not {
                    (kind, key), (kind, str(mine[0]["id"]))} & parked:
                out.append("wrong: %s %s: NAV %r, Odoo %r" % (kind, key, card["Name"], mine[0]["name"]))
    cards = {(kind, key_of(kind, c)) for kind in KINDS for c in now.cards[kind]}
    for p in now.partners:
        for kind in now.kinds(p):
            key = now.nav_key(kind, p)
            if (kind, str(p["id"])) in parked or p["id"] in world.there_before:
                continue
            both = kind == "vendor" and p["customer_rank"]
            if not key or (kind, key) not in cards and not both:
                out.append("lost: partner %d (%s) is no %s of NAV (%s)" % (p["id"], p["name"], kind, key))
    for w in work:
        out += w.problems(now, parked)
    return out
