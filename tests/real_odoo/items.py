"""Items and products, both ways on a real Odoo, which keeps no stock here: its Inventory app is not
installed, so goods are goods.
"""
import time

from both import Both, quiet
from real import World, client

ITEMS, EDITS = 30, 4
UNITS = {"PCS": "Units", "EA": "Units", "BOX": "Box", "SET": "Set", "KG": "kg", "M": "m", "L": "L", "HOUR": "Hours"}
READ = ["name", "default_code", "barcode", "type", "list_price", "standard_price", "uom_id", "categ_id",
        "active", "product_variant_count", "product_tmpl_id", "write_date"]


class Items(Both):
    def __init__(self, navodoo, database):
        World.__init__(self, navodoo, database, 0, args=("--items", str(ITEMS)))
        self.person = self.admin
        call = self.admin.call
        group = self.admin.rows("ir.model.data", [["module", "=", "product"], ["name", "=", "group_product_manager"]],
                                ["res_id"])[0]["res_id"]
        user = self.admin.rows("res.users", [["login", "=", "navodoo@example.com"]], ["login"])[0]["id"]
        call("res.users", "write", [user], {"group_ids": [[4, group]]})
        units = self.admin.rows("uom.uom", [["name", "=", "Units"]], ["name"])[0]["id"]
        client(database, "settings").call("uom.uom", "create", [
            {"name": n, "relative_factor": f, "relative_uom_id": units} for n, f in (("Box", 10), ("Set", 5))])
        call("product.category", "create", [{"name": "Accessories"}, {"name": "Furniture"}])

    def named(self, flow):
        """NAV number -> product; the template behind it is named, too."""
        known = self.products()
        return {no: i for no, i in super().named(flow).items() if not no.endswith("_product_template") and i in known}

    def products(self):
        rows = self.admin.rows("product.product", ["|", ["active", "=", True], ["active", "=", False]], READ)
        return {r["id"]: r for r in rows}

    def items(self):
        return {i["No"]: i for i in self.http("nav", "GET", "/_sandbox/dump?table=Item")["Item"]}

    def all_stamps(self):
        return {i: p["write_date"] for i, p in self.products().items()}

    def wrong(self):
        """Items that are not one product, the same on both sides."""
        named, products, wrong = self.named("item"), self.products(), []
        units = {u["id"]: u["name"] for u in self.admin.rows("uom.uom", [], ["name"])}
        for no, item in self.items().items():
            p = products.get(named.get(no))
            if not p:
                wrong.append(f"{no} is no product")
                continue
            for what, mine, theirs in (
                    ("name", item["Description"], p["name"]), ("unit", UNITS[item["Base_Unit_of_Measure"]],
                                                              units[p["uom_id"]]),
                    ("type", item["Type"] == "Service", p["type"] == "service"),
                    ("bar code", item["GTIN"], p["barcode"] or ""), ("active", not item["Blocked"], p["active"]),
                    ("price", float(item["Unit_Price"]), p["list_price"]),
                    ("cost", no.startswith("O") or float(item["Unit_Cost"]), no.startswith("O") or p["standard_price"])):
                if mine != theirs:
                    wrong.append(f"{no} {what}: {mine!r}, product {p['id']}: {theirs!r}")
        return wrong


def settled(tally, world, what):
    out = world.run()
    wrong = world.wrong()
    tally.check(f"items: {what}: the same on both sides", wrong and f"{len(wrong)} {wrong[:4]}\n{out[-600:]}")
    quiet(world, f"items: {what}", tally)


def run(tally, say, navodoo):
    world = Items(navodoo, "items")
    try:
        begin = time.monotonic()
        settled(tally, world, "first load")
        named = world.named("item")
        tally.check("items: every item is a product once", len(named) != ITEMS and f"{len(named)} names")
        say(f"items: first load and a second run, {time.monotonic() - begin:.1f} s")

        numbers = [no for no, i in sorted(world.items().items()) if not i["Blocked"]]
        for n, no in enumerate(numbers[:EDITS]):
            world.http("nav", "POST", "/_sandbox/edit", {"table": "Item", "key": no, "fields": [
                {"Description": "Renamed"}, {"Unit_Price": 10.375}, {"Blocked": True}, {"GTIN": "4000000000003"}][n]})
        templates = {i: p["product_tmpl_id"] for i, p in world.products().items()}
        for n, no in enumerate(numbers[EDITS:2 * EDITS]):
            i = named[no]
            if n < 2:  # as on the form of a product, which is its template's
                world.person.call("product.template", "write", [templates[i]],
                                  [{"name": "Umbenannt"}, {"list_price": 20.5}][n])
            else:
                world.person.call("product.product", "write", [i], [{"barcode": "4100000000002"}, {"active": False}][n - 2])
        before, writes = world.all_stamps(), world.nav_writes()
        settled(tally, world, "edits on each side")
        after = world.all_stamps()
        written = sorted(i for i in after if after[i] != before[i])
        done = tuple(b - a for a, b in zip(writes, world.nav_writes()))
        tally.check(f"items: {EDITS} edits on each side are as many updates",
                    (written != sorted(named[no] for no in numbers[:EDITS]) or done != (0, EDITS)) and
                    f"Odoo {written}, NAV {done}")

        world.person.call("product.template", "create", [{"name": "Stool", "list_price": 33.5, "default_code": "ST-1",
                                                          "barcode": "4200000000001"}])
        attribute = world.person.call("product.attribute", "create", [{"name": "Colour", "create_variant": "always",
                                                                       "value_ids": [[0, 0, {"name": "red"}],
                                                                                     [0, 0, {"name": "blue"}]]}])[0]
        values = [v["id"] for v in world.admin.rows("product.attribute.value", [["attribute_id", "=", attribute]], ["name"])]
        world.person.call("product.template", "create", [{"name": "Two colours", "attribute_line_ids": [
            [0, 0, {"attribute_id": attribute, "value_ids": [[6, 0, values]]}]]}])
        settled(tally, world, "a product that is new in Odoo")
        made = [i for i in world.items().values() if i["Description"] in ("Stool", "Two colours")]
        seen = [(i["Description"], i["Type"], i["GTIN"], i["Inventory_Posting_Group"]) for i in made]
        tally.check("items: it is an item, and variants are none",
                    seen != [("Stool", "Inventory", "4200000000001", "RESALE")] and f"{seen}")
        stool = [p["default_code"] for p in world.products().values() if p["name"] == "Stool"]
        tally.check("items: it keeps its own reference", stool != ["ST-1"] and f"{stool}")
        why = [j["why"] for j in world.command("dead", "--limit", "100")["jobs"] if j["flow"] == "item"]
        tally.check("items: each variant is told why", (len(why) != 2 or any("2 variants" not in w for w in why)) and why)
    finally:
        world.close()
