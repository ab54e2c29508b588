#!/usr/bin/python3
"""The sandbox Odoo as OdooRPC sees it: web session, JSON-RPC, records as objects.

usage: odoo_odoorpc.py HOST PORT        (Debian: python3-odoorpc)

Prints what fails and, last, 'N passed, N failed'. The server must be fresh.
"""
import sys

import odoorpc

HOST, PORT = sys.argv[1], int(sys.argv[2])
DB, USER, PASSWORD = "sandbox", "navodoo@example.com", "sandbox"

passed, failed = 0, 0


def check(what, ok, seen=None):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED: %s (%r)" % (what, seen))


def refused(what, name, text, fn, *args):
    """fn must fail with data.name and with text in its message."""
    try:
        seen = fn(*args)
    except odoorpc.error.RPCError as err:
        data = err.info["data"] if err.info else {"name": "", "message": str(err)}
        seen = (data["name"], data["message"])
        check(what, data["name"] == name and text in data["message"], seen)
        return
    check(what, False, seen)


odoo = odoorpc.ODOO(HOST, port=PORT)
major = int(odoo.version.split(".")[0])
check("version", major in (14, 17, 18, 19), odoo.version)
check("databases", odoo.db.list() == [DB], odoo.db.list())
refused("wrong password", "odoo.exceptions.AccessDenied", "Access Denied", odoo.login, DB, USER, "x")
odoo.login(DB, USER, PASSWORD)
check("user", odoo.env.user.login == USER, odoo.env.user.login)
check("language", odoo.env.lang == "en_US", odoo.env.lang)

Partner = odoo.env["res.partner"]
one = Partner.create({"name": "Bär & Söhne", "is_company": True, "country_id": 57, "ref": "RPC-1",
                      "credit_limit": 12.5})
two = Partner.create({"name": "Kid", "parent_id": one, "ref": "RPC-2"})
check("create gives an id", isinstance(one, int) and two == one + 1, (one, two))
firm = Partner.browse(one)
check("browse text", firm.name == "Bär & Söhne", firm.name)
check("browse many2one", firm.country_id.code == "DE", firm.country_id)
check("browse float", firm.credit_limit == 12.5, firm.credit_limit)
check("browse empty", firm.vat is False, firm.vat)
check("browse one2many", [kid.name for kid in firm.child_ids] == ["Kid"], firm.child_ids)
check("browse instant", firm.write_date.year >= 2026, firm.write_date)
firm.city = "Bonn"
check("assigning writes", Partner.read([one], ["city"])[0]["city"] == "Bonn")
check("child took the address", Partner.read([two], ["city"])[0]["city"] == "Bonn")
check("search", Partner.search([("ref", "=like", "RPC-%")], order="id") == [one, two])
check("search with a list", odoo.execute("res.partner", "search", [("id", "in", [one])]) == [one])
check("search_count", odoo.execute_kw("res.partner", "search_count", [[("ref", "=", "RPC-1")]]) == 1)
check("search_read", odoo.execute_kw("res.partner", "search_read", [[("id", "=", one)]],
                                     {"fields": ["name"]}) == [{"id": one, "name": "Bär & Söhne"}])
check("write", Partner.write([one], {"active": False}) is True)
check("archived is hidden", Partner.search([("id", "=", one)]) == [])
check("reference", odoo.env.ref("base.hu").name == "Hungary")
fields = Partner.fields_get(["name", "lang"])
check("fields_get", fields["name"]["type"] == "char" and fields["lang"]["selection"][0][0] == "en_US",
      fields)
loaded = odoo.execute("res.partner", "load", ["id", "name"], [["navodoo.r_1", "Loaded"]])
check("load", loaded["messages"] == [] and len(loaded["ids"]) == 1, loaded)
check("unlink", Partner.unlink([two]) is True)

# A firm with a person and a place of delivery, bought from and sold to; what goes to the children.
firm_id = Partner.create({"name": "Both & Co", "is_company": True, "vat": "DE123456788", "street": "Main 1",
                          "city": "Bonn", "customer_rank": 1, "supplier_rank": 2})
person_id = Partner.create({"name": "Erika", "parent_id": firm_id, "type": "contact", "street": "ignored"})
place_id = Partner.create({"name": "Dock", "parent_id": firm_id, "type": "delivery", "street": "Quay 9"})
family = [firm_id, person_id, place_id]


def rows(*names):
    return {row["id"]: row for row in Partner.read(family, list(names))}


seen = rows("street", "vat", "commercial_partner_id", "supplier_rank", "type", "display_name")
check("a person has the firm's address", seen[person_id]["street"] == "Main 1", seen[person_id])
check("a place of delivery its own", seen[place_id]["street"] == "Quay 9", seen[place_id])
check("both have the firm's VAT number", seen[person_id]["vat"] == seen[place_id]["vat"] == "DE123456788", seen)
check("and the firm behind them", seen[place_id]["commercial_partner_id"][0] == firm_id, seen)
check("ranks", seen[firm_id]["supplier_rank"] == 2 and seen[person_id]["supplier_rank"] == 0, seen)
check("names shown", seen[person_id]["display_name"] == "Both & Co, Erika", seen[person_id]["display_name"])
Partner.write([firm_id], {"vat": "DE111111125", "street": "Main 2"})
seen = rows("street", "vat", "write_date")
check("the VAT number goes to both", {row["vat"] for row in seen.values()} == {"DE111111125"}, seen)
check("the street to the person only", seen[person_id]["street"] == "Main 2"
      and seen[place_id]["street"] == "Quay 9", seen)
check("in one transaction, so with one stamp", len({row["write_date"] for row in seen.values()}) == 1, seen)
Partner.write([place_id], {"active": False})
check("an archived child is hidden", place_id not in Partner.browse(firm_id).child_ids.ids)
check("but can be found", Partner.search([("id", "in", family), ("active", "in", [True, False])],
                                         order="id") == family)
since = rows("write_date")[firm_id]["write_date"].replace("T", " ")
check("and stamps find what changed", set(family) <= set(Partner.search(
    [("write_date", ">=", since), ("active", "in", [True, False])])), since)
made = Partner.create({"name": "With children", "child_ids": [(0, 0, {"name": "One"}), (0, 0, {"name": "Two"})]})
check("children come with their parent", len(Partner.browse(made).child_ids) == 2)
refused("a firm is not its own child", "odoo.exceptions.ValidationError",
        "ecursive", Partner.write, [firm_id], {"parent_id": person_id})

Product = odoo.env["product.product"]
stored = ({"is_storable": True} if major >= 18 else {"detailed_type": "product"} if major >= 15
          else {"type": "product"})
box = odoo.env["uom.uom"].search([("name", "=", "Box")])
desks = odoo.env["product.category"].search([("complete_name", "=", "Furniture / Desks")])
lamp_id = Product.create({"name": "Lamp", "default_code": "L-1", "barcode": "5000000000017", "list_price": 12.345,
                          "standard_price": 7.5, "uom_id": box[0], "categ_id": desks[0], **stored})
lamp = Product.browse(lamp_id)
check("a product has what its template has", (lamp.name, lamp.uom_id.name, lamp.categ_id.name)
      == ("Lamp", "Box", "Desks"), (lamp.name, lamp.uom_id.name, lamp.categ_id.name))
check("goods in stock", (lamp.is_storable and lamp.type == "consu") if major >= 18 else lamp.type == "product")
check("price digits", lamp.list_price == (12.345 if major >= 19 else 12.35), lamp.list_price)
check("cost is the company's", lamp.standard_price == 7.5, lamp.standard_price)
lamp.name = "Floor lamp"
check("and hands it down", lamp.product_tmpl_id.name == "Floor lamp", lamp.product_tmpl_id.name)
check("one variant", lamp.product_variant_count == 1 and lamp.product_tmpl_id.product_variant_ids.ids == [lamp_id])
check("found by what the template holds", lamp_id in Product.search([("name", "=", "Floor lamp"),
                                                                     ("categ_id", "=", desks[0])]))
refused("a bar code twice", "odoo.exceptions.ValidationError", "product_product_barcode_uniq" if major < 17
        else "already assigned to product(s): [L-1] Floor lamp", Product.create, {"name": "x", "barcode": "5000000000017"})

refused("gone", "odoo.exceptions.MissingError", "Record does not exist or has been deleted",
        Partner.write, [two], {"ref": "x"})
refused("unknown field", "builtins.ValueError", "Invalid field 'no_such'", Partner.create,
        {"name": "x", "no_such": 1})
refused("no name", "odoo.exceptions.ValidationError",
        "res_partner_check_name" if major < 17 else "Contacts require a name", Partner.create,
        {"email": "x@y.z"})
refused("unknown model", "odoo.exceptions.UserError", "Object no.such.model doesn't exist",
        odoo.execute, "no.such.model", "search", [])
refused("unknown method", "builtins.AttributeError", "no_such_method", odoo.execute, "res.partner",
        "no_such_method", [])
refused("company", "odoo.exceptions.AccessError", "unauthorized or invalid companies",
        odoo.execute_kw, "res.partner", "search", [[]], {"context": {"allowed_company_ids": [99]}})
check("logout", odoo.logout() is True)

print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
