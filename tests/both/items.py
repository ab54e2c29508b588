#!/usr/bin/env python3
"""Items and products, both ways, as shipped: a first run, a second, edits on each side, refusals.
usage: items.py NAVODOO

Against the sandbox's Odoo of each generation, since goods in stock are told differently in each.
What is the same on both sides is read from both, never from what the engine keeps.
"""
import json
import shutil
import sys

import both
from both import FLOWS, World, check, text

ITEMS, EDITS = 60, 8
UNITS = {"PCS": "Units", "EA": "Units", "BOX": "Box", "SET": "Set", "KG": "kg", "M": "m", "L": "L", "HOUR": "Hours"}


class Items(World):
    def __init__(self, program, version):
        super().__init__(program, ["--odoo-version", str(version), "--customers", "0", "--items", str(ITEMS)])
        self.version = version
        shutil.rmtree(self.flows)
        shutil.copytree(FLOWS, self.flows, ignore=shutil.ignore_patterns("customer*", "vendor*", "contact*", "ship_to*"))

    def dump(self, model):
        return {r["id"]: r for r in self.post(self.odoo, "dump?model=" + model, None, "GET")[model]}

    def products(self):
        """Products with what their templates say, units and categories by name."""
        templates, units = self.dump("product.template"), self.dump("uom.uom")
        categories, out = self.dump("product.category"), {}
        for i, p in self.dump("product.product").items():
            t = templates[p["product_tmpl_id"]]
            out[i] = {**t, **p, "unit": units[t["uom_id"]]["name"],
                      "category": t["categ_id"] and categories[t["categ_id"]]["complete_name"]}
        return out

    def writes(self):
        nav = self.post(self.nav, "stats", None, "GET")
        odoo = self.post(self.odoo, "stats", None, "GET")
        return (nav["creates"], nav["updates"], odoo["creates"].get("product.product", 0),
                odoo["writes"].get("product.product", 0))

    def items(self):
        return {i["No"]: i for i in self.table("Item")}

    def edit_product(self, key, **fields):
        self.post(self.odoo, "edit", {"model": "product.product", "key": key, "fields": fields})

    def kind(self, p):
        """NAV's type of a product."""
        if p["type"] == "service":
            return "Service"
        stored = p["is_storable"] if self.version >= 18 else p["type"] == "product"
        return "Inventory" if stored else "goods without stock"

    def same_price(self, ours, theirs):
        cut = 2 if self.version < 19 else 5
        return abs(round(ours + 1e-9, cut) - theirs) < 1e-6

    def differences(self):
        links, products, out = self.links("item"), self.products(), []
        for no, item in self.items().items():
            p = products.get(links.get(no))
            if not p:
                out.append("%s is linked to nothing" % no)
                continue
            for name, mine, theirs in [
                    ("name", item["Description"], p["name"]), ("unit", UNITS[item["Base_Unit_of_Measure"]], p["unit"]),
                    ("type", item["Type"], self.kind(p)), ("bar code", item["GTIN"], text(p["barcode"])),
                    ("active", not item["Blocked"], p["active"])]:
                if mine != theirs:
                    out.append("%s %s: %r, product %d: %r" % (no, name, mine, p["id"], theirs))
            if self.version < 19 and p["uom_po_id"] != p["uom_id"]:
                out.append("%s is bought in another unit: %s, %s" % (no, p["uom_po_id"], p["uom_id"]))
            if not self.same_price(item["Unit_Price"], p["list_price"]):
                out.append("%s price %s, product %s" % (no, item["Unit_Price"], p["list_price"]))
            if no.startswith("O"):
                continue  # cost and reference are those of a product that Odoo had first
            if p["default_code"] != no or not self.same_price(item["Unit_Cost"], p["standard_price"]):
                out.append("%s: reference %s, cost %s" % (no, p["default_code"], p["standard_price"]))
        return out


def quiet(w, what, expected=(0, 0, 0, 0), args=()):
    before = w.writes()
    w.run(*args)
    done = tuple(a - b for a, b in zip(w.writes(), before))
    check("%d: %s" % (w.version, what), [] if done == expected else ["writes %s, expected %s" % (done, expected)])


def load(w):
    quiet(w, "every item becomes one product", (0, 0, ITEMS, 0))
    check("%d: both sides are equal" % w.version, w.differences())
    quiet(w, "a second run writes nothing")
    w.post(w.nav, "edit", {"table": "Item", "key": sorted(w.items())[0], "fields": {"Reorder Point": 7}})
    quiet(w, "what no entry names is nobody's news", args=("--all",))


def edits(w):
    links = w.links("item")
    numbers = [no for no, i in sorted(w.items().items()) if not i["Blocked"]]
    ours, theirs = numbers[:EDITS], numbers[EDITS:2 * EDITS]
    for n, no in enumerate(ours):
        w.edit_nav("Item", no, **[{"Description": "Renamed %d" % n}, {"Unit_Price": 10.25 + n}, {"Blocked": True},
                                  {"GTIN": "40000000%05d" % n}][n % 4])
    for n, no in enumerate(theirs):
        w.edit_product(links[no], **[{"name": "Umbenannt %d" % n}, {"list_price": 20.5 + n}, {"active": False},
                                     {"barcode": "41000000%05d" % n}][n % 4])
    quiet(w, "%d edits on each side are as many updates" % EDITS, (0, EDITS, 0, EDITS))
    check("%d: after the edits both sides are equal" % w.version, w.differences())
    w.edit_nav("Item", ours[2], Blocked=False)
    w.edit_product(links[theirs[2]], active=True)
    w.run()
    check("%d: what was blocked comes back" % w.version, w.differences())
    quiet(w, "and then nothing is written")


def born_in_odoo(w):
    stored = {"is_storable": True} if w.version >= 18 else {"type": "product"}
    if w.version == 17:
        stored = {"detailed_type": "product"}
    made = {}
    for name, fields in [("Stool", {**stored, "barcode": "4200000000000", "list_price": 33.5, "default_code": "STOOL-1"}),
                         ("Advice", {"type": "service", "detailed_type": "service", "list_price": 90.0}),
                         ("Loose goods", {})]:
        if w.version != 17:
            fields.pop("detailed_type", None)
        else:
            fields.pop("type", None)
        if name == "Advice":
            services = [i for i, c in w.dump("product.category").items() if c["complete_name"] == "Services"]
            fields["categ_id"] = services[0]
        made[name] = w.post(w.odoo, "edit", {"model": "product.product", "insert": True,
                                             "fields": {"name": name, **fields}})["key"]
    template = w.products()[made["Stool"]]["product_tmpl_id"]
    w.run()
    items = {i["Description"]: i for i in w.items().values()}
    stool, advice = items.get("Stool"), items.get("Advice")
    problems = [] if stool and advice else ["Stool or Advice is no item: %s" % w.command("dead", "--state", w.state).stdout]
    if not problems:
        for item, expected in ((stool, ("Inventory", "PCS", "RETAIL", "VAT25", "RESALE", "4200000000000", 33.5)),
                               (advice, ("Service", "PCS", "SERVICES", "VAT10", "", "", 90))):
            seen = tuple(item[f] for f in ("Type", "Base_Unit_of_Measure", "Gen_Prod_Posting_Group",
                                           "VAT_Prod_Posting_Group", "Inventory_Posting_Group", "GTIN", "Unit_Price"))
            if seen != expected:
                problems.append("%s: %s, expected %s" % (item["Description"], seen, expected))
        if w.products()[made["Stool"]]["default_code"] != "STOOL-1":
            problems.append("the product lost its own reference")
    check("%d: products that Odoo had first are items" % w.version, problems)
    dead = json.loads(w.command("dead", "--json", "--state", w.state).stdout)["jobs"]
    why = {j["record"]: j["error"]["text"] if "text" in j["error"] else json.dumps(j["error"]) for j in dead}
    check("%d: goods without stock are refused, and told why" % w.version,
          [] if "Odoo keeps no stock of it" in why.get(str(made["Loose goods"]), "") else [why])
    second = w.post(w.odoo, "edit", {"model": "product.product", "insert": True,
                                     "fields": {"product_tmpl_id": template, "default_code": "STOOL-2"}})["key"]
    w.run()
    dead = json.loads(w.command("dead", "--json", "--state", w.state).stdout)["jobs"]
    why = {j["record"]: json.dumps(j["error"]) for j in dead}
    check("%d: a variant is refused, and told why" % w.version,
          [] if "2 variants" in why.get(str(second), "") else [why])
    quiet(w, "and all is at rest")
    check("%d: all that is linked is equal" % w.version, w.differences())


def meeting(w):
    """A product that both had: the same number or bar code is the same, a like name is not."""
    no, item = next((no, i) for no, i in sorted(w.items().items()) if i["GTIN"] and i["Type"] == "Inventory")
    other = next(i for n, i in sorted(w.items().items()) if n != no and not i["GTIN"] and i["Type"] == "Inventory")
    known = w.post(w.odoo, "edit", {"model": "product.product", "insert": True, "fields": {
        "name": "Quite another name", "barcode": item["GTIN"]}})["key"]
    like = w.post(w.odoo, "edit", {"model": "product.product", "insert": True, "fields": {
        "name": other["Description"] + "s"}})["key"]
    w.run()
    links = w.links("item")
    problems = [] if links.get(no) == known else ["%s is %s, not %d" % (no, links.get(no), known)]
    if like in links.values():
        problems.append("a like name was taken for the same")
    check("%d: the same bar code is the same product" % w.version, problems)


def main():
    for version, parts in ((19, (load, edits, born_in_odoo)), (17, (load, edits, born_in_odoo)),
                           (14, (load, edits, born_in_odoo)), (19, (meeting,))):
        w = Items(sys.argv[1], version)
        try:
            for part in parts:
                part(w)
        finally:
            w.close()
    print("%d passed, %d failed" % (both.passed, both.failed))
    return both.failed > 0


if __name__ == "__main__":
    sys.exit(main())
