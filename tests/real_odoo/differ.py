"""What the sandbox's Odoo answers otherwise than the real one of the same version.

The same calls go to both, those that the engine makes, good and bad. What differs is printed;
what is known to differ, and why, stands in KNOWN, so that the check fails on anything new.
"""
import datetime
import json
import time

from client import Fault, Odoo
from real import DATABASE, client, crash

FIELDS = ["ref", "name", "street", "street2", "zip", "city", "country_id", "phone", "email",
          "website", "lang", "vat", "is_company", "property_payment_term_id", "credit_limit",
          "user_id", "active", "customer_rank", "write_date"]
ATTRIBUTES = ["type", "required", "readonly", "relation", "size", "string", "store", "digits",
              "company_dependent"]

# probe -> why the two differ
KNOWN = {
    "database unknown": "where PostgreSQL listens",
    "load, bad VAT number": "the sandbox has no module base_vat",
    "values, Swiss VAT number": "the sandbox has no module base_vat",
}


def load(o, fields, *rows):
    answer = o.call("res.partner", "load", fields, [list(r) for r in rows])
    if answer["ids"]:
        first = answer["ids"][0]
        answer["ids"] = [i - first for i in answer["ids"]]
    for m in answer["messages"]:
        m.pop("moreinfo", None)  # a picture of a menu: nothing reads it
    return answer


def made(o, **cells):
    names = list(cells)
    load(o, ["id", "name", *names], ["navodoo.d9", "Probe", *cells.values()])
    ids = o.call("ir.model.data", "search_read", [["module", "=", "navodoo"], ["name", "=", "d9"]],
                 fields=["res_id"])
    bare = [n.split("/")[0] for n in names]
    row = o.call("res.partner", "read", [ids[0]["res_id"]], bare, load=None)[0]
    row.pop("id")
    return row


def country(o, code):
    return str(o.rows("res.country", [["code", "=", code]], ["code"])[0]["id"])


def family(o, step, stamps=False):
    """A firm with a person and a place of delivery, as a person would type them; what `step`
    does to it, and what the three look like then (and, with `stamps`, whether the firm's is newer:
    whether the others' are depends on the apps installed)."""
    names = ["name", "type", "street", "city", "vat", "ref", "phone", "email", "active",
             "is_company", "customer_rank", "supplier_rank", "lang", "display_name",
             "commercial_company_name", "property_payment_term_id", "write_date",
             "commercial_partner_id"]
    firm = o.call("res.partner", "create", [{
        "name": "Both & Co", "is_company": True, "vat": "DE123456788", "street": "Main 1",
        "city": "Bonn", "customer_rank": 1, "supplier_rank": 2, "phone": "1",
        "country_id": int(country(o, "DE"))}])[0]
    person, place = o.call("res.partner", "create", [
        {"name": "Erika", "parent_id": firm, "type": "contact", "street": "ignored"},
        {"name": "Dock", "parent_id": firm, "type": "delivery", "street": "Quay 9"}])
    ids = [firm, person, place]
    before = {r["id"]: r["write_date"] for r in o.call("res.partner", "read", ids, ["write_date"])}
    if stamps:
        time.sleep(1.1)  # another second than that of the creation
    result = step(firm, person, place)
    rows = o.rows("res.partner", [["id", "in", ids]], names)
    for row in rows:
        row["newer"] = stamps and row["id"] == firm and row["write_date"] > before[firm]
        row.pop("write_date")
        row["commercial_partner_id"] -= firm
        row.pop("id")
    return [rows, result]


def family_probe(stamps=False, **vals):
    return lambda o: family(o, lambda firm, *_: o.call("res.partner", "write", [firm], vals),
                            stamps)


def load_child(o):
    firm = o.call("res.partner", "create", [{
        "name": "Parent", "is_company": True, "street": "P 1", "vat": "DE123456788",
        "country_id": int(country(o, "DE"))}])[0]
    answer = load(o, ["id", "name", "parent_id/.id", "type", "street", "active"],
                  ["navodoo.k1", "Kid", str(firm), "contact", "own street", "True"],
                  ["navodoo.k2", "Place", str(firm), "delivery", "own street", "True"],
                  ["navodoo.k3", "Free", "", "other", "own street", "False"])
    rows = o.rows("res.partner", [["name", "in", ["Kid", "Place", "Free"]]],
                  ["name", "type", "street", "vat", "active", "parent_id", "customer_rank",
                   "supplier_rank"])
    for row in rows:
        row.pop("id")
        row["parent_id"] = bool(row["parent_id"])
    return [answer, rows]


def changed_within(o):
    """What a poll by stamp finds: a second and the next, bounds as the engine asks them."""
    ids = o.call("res.partner", "create", [{"name": f"Stamp {n}"} for n in range(3)])
    stamp = o.call("res.partner", "read", ids[:1], ["write_date"])[0]["write_date"]
    second = datetime.datetime.fromisoformat(stamp)
    following = str(second + datetime.timedelta(seconds=1))

    def found(*terms):
        return len(o.rows("res.partner", [["id", "in", ids], *terms], ["name"]))

    return [found(["write_date", ">=", stamp], ["write_date", "<", following]),
            found(["write_date", ">=", following]), found(["write_date", "<", stamp])]


def shape(row):
    return {k: type(v).__name__ for k, v in row.items()}


def fields_get(o):
    known = o.call("res.partner", "fields_get", FIELDS, attributes=ATTRIBUTES)
    return {name: known[name] for name in sorted(known)}


PROBES = {
    "version": lambda o: o.version(),
    "fields_get": fields_get,
    "default_get": lambda o: o.call("res.partner", "default_get", FIELDS[:-1]),
    "countries": lambda o: {r["code"]: r["id"] for r in o.call(
        "res.country", "search_read", [], fields=["code"])},
    "languages": lambda o: shape(o.rows("res.lang", [], ["code"])[0]),
    "users": lambda o: shape(o.rows("res.users", [], ["login"])[0]),
    "login refused": lambda o: o.service("common", "authenticate", o.database, o.login, "wrong",
                                         {}),
    "call refused": lambda o: o.service("object", "execute_kw", o.database, 2, "wrong",
                                        "res.partner", "read", [[1]], {}),
    "database unknown": lambda o: o.service("common", "authenticate", "nosuch", o.login, "x", {}),
    "JSON-2, wrong key": lambda o: Odoo(o.url, o.database, "", "", "0" * 40).json2(
        "res.users", "context_get"),
    "load, good": lambda o: load(o, ["id", "name", "ref"], ["navodoo.d1", "a", "D1"],
                                 ["navodoo.d2", "b", "D2"]),
    "load, again": lambda o: load(o, ["id", "name"], ["navodoo.d1", "a2"]),
    "load, one id twice": lambda o: load(o, ["id", "name"], ["navodoo.d1", "x"],
                                       ["navodoo.d1", "y"]),
    "load, no name": lambda o: load(o, ["id", "name"], ["navodoo.d3", ""]),
    "load, second of two has no name": lambda o: load(
        o, ["id", "name"], ["navodoo.d3", "good"], ["navodoo.d4", ""]),
    "load, first of two has no name": lambda o: load(
        o, ["id", "name"], ["navodoo.d3", ""], ["navodoo.d4", "good"]),
    "load, unknown id": lambda o: load(o, ["id", "name", "country_id/.id"],
                                       ["navodoo.d3", "x", "999999"]),
    "load, no number for an id": lambda o: load(o, ["id", "name", "country_id/.id"],
                                                ["navodoo.d3", "x", "abc"]),
    "load, two of three bad": lambda o: load(
        o, ["id", "name", "country_id/.id"], ["navodoo.d3", "x", "999999"],
        ["navodoo.d4", "good", ""], ["navodoo.d5", "y", "999998"]),
    "load, no number": lambda o: load(o, ["id", "name", "credit_limit"],
                                      ["navodoo.d3", "x", "1,2x"]),
    "load, no integer": lambda o: load(o, ["id", "name", "customer_rank"],
                                       ["navodoo.d3", "x", "1.5"]),
    "load, no boolean": lambda o: load(o, ["id", "name", "active"], ["navodoo.d3", "x", "maybe"]),
    "load, no such language": lambda o: load(o, ["id", "name", "lang"],
                                             ["navodoo.d3", "x", "xx_XX"]),
    "load, unknown column": lambda o: load(o, ["id", "name", "nosuch"], ["navodoo.d3", "x", "y"]),
    "load, number too big": lambda o: load(o, ["id", "name", "customer_rank"],
                                           ["navodoo.d3", "x", "99999999999"]),
    "load, bad VAT number": lambda o: load(o, ["id", "name", "vat", "country_id/.id"],
                                           ["navodoo.d3", "x", "DE123", country(o, "DE")]),
    "values, texts": lambda o: made(o, street="Árvíz 1 ", city="", email="A@b.example", zip="0001"),
    "values, web address": lambda o: made(o, website="www.x.example"),
    "values, web address with a path": lambda o: made(o, website="HTTPS://X.example/ä?b=c"),
    "values, numbers": lambda o: made(o, credit_limit="12345.67", customer_rank="3"),
    "values, small fraction": lambda o: made(o, credit_limit="0.125"),
    "values, blank number": lambda o: made(o, credit_limit="", customer_rank=""),
    "values, boolean": lambda o: made(o, is_company="True", active="False"),
    "values, blank boolean": lambda o: made(o, is_company="", active=""),
    "values, blank link": lambda o: made(o, **{"country_id/.id": "", "user_id/.id": "",
                                               "lang": ""}),
    "values, Swiss VAT number": lambda o: made(o, vat="CHE-123.456.788MWST",
                                               **{"country_id/.id": country(o, "CH")}),
    "values, Austrian VAT number": lambda o: made(o, vat="ATU12345675",
                                                  **{"country_id/.id": country(o, "AT")}),
    "values, Greek VAT number": lambda o: made(o, vat="EL094259216",
                                               **{"country_id/.id": country(o, "GR")}),
    "read of a record that is gone": lambda o: o.call("res.partner", "read", [999999], ["name"],
                                                      load=None),
    "read, pair or bare id": lambda o: shape(o.rows("res.partner", [["ref", "=", "D1"]], [
        "create_uid", "name", "write_date", "credit_limit", "user_id"])[0]),
    "external ids": lambda o: [shape(r) for r in o.call(
        "ir.model.data", "search_read", [["module", "=", "navodoo"], ["name", "in", ["d1", "d2"]]],
        fields=["name", "res_id"])],
    "external id, taken": lambda o: o.call("ir.model.data", "create", [
        {"module": "navodoo", "name": "d1", "model": "res.partner", "res_id": 1,
         "noupdate": True}]),
    "search, unknown field": lambda o: o.call("res.partner", "search_read", [["nosuch", "=", 1]],
                                              fields=["name"]),
    "search, candidates": lambda o: o.call(
        "res.partner", "search_read", ["|", ["vat", "in", ["X"]], ["email", "in", ["y"]],
                                       ["parent_id", "=", False]], fields=["name", "vat", "email"]),
    "family": lambda o: family(o, lambda *_: None),
    "family, firm moves": family_probe(True, street="Main 2", city="Köln"),
    "family, firm has another VAT number": family_probe(vat="DE111111125"),
    "family, firm without VAT number": family_probe(vat=False),
    "family, firm renamed": family_probe(name="Other & Co"),
    "family, firm calls": family_probe(phone="2", email="x@y.example"),
    "family, firm archived": family_probe(active=False),
    "family, firm ranked": family_probe(supplier_rank=0, customer_rank=5),
    "family, nothing new": family_probe(True, street="Main 1"),
    "family, person moves": lambda o: family(o, lambda _, person, __: o.call(
        "res.partner", "write", [person], {"street": "Own 1", "phone": "3"}), True),
    "family, person archived": lambda o: family(o, lambda _, person, __: o.call(
        "res.partner", "write", [person], {"active": False})),
    "family, place moves": lambda o: family(o, lambda _, __, place: o.call(
        "res.partner", "write", [place], {"street": "Quay 10"})),
    "family, person with a VAT number": lambda o: family(o, lambda _, person, __: o.call(
        "res.partner", "write", [person], {"vat": "DE111111125"})),
    "family, firm under its person": lambda o: family(o, lambda firm, person, _: o.call(
        "res.partner", "write", [firm], {"parent_id": person})),
    "family, person leaves": lambda o: family(o, lambda _, person, __: o.call(
        "res.partner", "write", [person], {"parent_id": False})),
    "load, children": load_child,
    "stamps, a second": changed_within,
    "unknown method": lambda o: o.call("res.partner", "nosuch"),
    "unknown model": lambda o: o.call("no.such", "read", [1]),
}


def answer(o, probe):
    try:
        return probe(o)
    except Fault as e:
        return {"http": e.http, "name": e.name, "message": e.message}


def details(name, real, sandbox):
    """The parts of two answers that are not equal, one line each."""
    if isinstance(real, dict) and isinstance(sandbox, dict):
        for key in sorted(set(real) | set(sandbox), key=str):
            yield from details(f"{name}.{key}", real.get(key), sandbox.get(key))
    elif isinstance(real, list) and isinstance(sandbox, list) and len(real) == len(sandbox):
        for i, (r, s) in enumerate(zip(real, sandbox)):
            yield from details(f"{name}[{i}]", r, s)
    elif real != sandbox or type(real) is not type(sandbox):
        yield f"{name}: real {short(real)}, sandbox {short(sandbox)}"


def short(value):
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) < 300 else text[:300] + "..."


def run(tally, say, navodoo):
    real = client(DATABASE)
    sandbox_world = crash.World(navodoo, 1, version=real.version()["server_version_info"][0])
    try:
        sandbox = Odoo(sandbox_world.url["odoo"], "sandbox", "navodoo@example.com", "sandbox")
        differing = []
        for name, probe in PROBES.items():
            lines = list(details(name, answer(real, probe), answer(sandbox, probe)))
            for line in lines:
                say(f"differs: {line}" + (f" ({KNOWN[name]})" if name in KNOWN else ""))
            if lines and name not in KNOWN:
                differing.append(name)
        say(f"{len(PROBES)} calls compared with the sandbox")
        tally.check("the sandbox answers as the real Odoo does, but for what is known", differing)
    finally:
        sandbox_world.close()
