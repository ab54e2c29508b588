#!/usr/bin/python3
"""The sandbox Odoo over XML-RPC, as the standard library's client sees it.

usage: odoo_xmlrpc.py HOST PORT

Prints what fails and, last, 'N passed, N failed'. The server must be fresh.
"""
import sys
import xmlrpc.client

HOST, PORT = sys.argv[1], int(sys.argv[2])
DB, USER, PASSWORD = "sandbox", "navodoo@example.com", "sandbox"
URL = "http://%s:%d/xmlrpc/2/" % (HOST, PORT)

passed, failed = 0, 0


def check(what, ok, seen=None):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED: %s (%r)" % (what, seen))


def fault(what, code, text, fn, *args):
    """fn must fail with this faultCode, and text must stand in its faultString."""
    try:
        seen = fn(*args)
    except xmlrpc.client.Fault as err:
        seen = (err.faultCode, err.faultString)
        check(what, err.faultCode == code and text in err.faultString, seen)
        return
    check(what, False, seen)


common = xmlrpc.client.ServerProxy(URL + "common")
version = common.version()["server_version_info"][0]
check("version", version in (14, 17, 18, 19), version)
uid = common.authenticate(DB, USER, PASSWORD, {})
check("authenticate", isinstance(uid, int) and not isinstance(uid, bool), uid)
check("wrong password is false", common.login(DB, USER, "wrong") is False)
fault("wrong database", 1, "does not exist", common.login, "nope", USER, PASSWORD)
fault("unknown service method", 1, "Method not found: nope", common.nope)

models = xmlrpc.client.ServerProxy(URL + "object")


def call(model, method, args, named=None):
    return models.execute_kw(DB, uid, PASSWORD, model, method, args, named or {})


# Create, read, write, search, unlink.
one = call("res.partner", "create", [{
    "name": "Árvíztűrő & Söhne <GmbH>", "is_company": True, "country_id": 57, "ref": "XML-1",
    "credit_limit": 12.5, "email": "", "street": "a\nb"}])
check("create a dict gives an id", isinstance(one, int), one)
more = call("res.partner", "create", [[{"name": "Two", "ref": "XML-2"}, {"name": "Three"}]])
check("create a list gives ids", len(more) == 2 and more[0] == one + 1, more)
row = call("res.partner", "read", [[one]], {"fields": [
    "name", "is_company", "country_id", "credit_limit", "vat", "email", "write_date", "street"]})[0]
check("read text", row["name"] == "Árvíztűrő & Söhne <GmbH>", row)
check("read boolean", row["is_company"] is True, row)
check("read many2one", row["country_id"] == [57, "Germany"], row)
check("read float", row["credit_limit"] == 12.5, row)
check("read empty", row["vat"] is False, row)
check("read empty text", row["email"] == "", row)
check("read newline", row["street"] == "a\nb", row)
check("read instant", len(row["write_date"]) == 19 and row["write_date"][10] == " ", row)
check("write", call("res.partner", "write", [[one], {"city": "Bonn", "country_id": False}]) is True)
row = call("res.partner", "read", [[one], ["city", "country_id"]])[0]
check("written", row == {"id": one, "city": "Bonn", "country_id": False}, row)
check("search", call("res.partner", "search", [[["ref", "=like", "XML-%"]]], {
    "order": "id desc"}) == [more[0], one])
check("search_count", call("res.partner", "search_count", [[["ref", "=", "XML-1"]]]) == 1)
check("integer at the limit", call("res.partner", "search", [[["id", "=", 2147483647]]]) == [])
check("unlink", call("res.partner", "unlink", [more]) is True)
check("read of a gone id", call("res.partner", "read", [more, ["name"]]) == [])

# None in, never out.
allow = xmlrpc.client.ServerProxy(URL + "object", allow_none=True)
check("nil is read", allow.execute_kw(DB, uid, PASSWORD, "res.partner", "write",
                                      [[one], {"street": None}]) is True)
check("nil clears", call("res.partner", "read", [[one], ["street"]])[0]["street"] is False)
fault("None cannot go out", 1, "cannot marshal None", call, "res.partner", "action_archive", [[one]])
check("but its work is kept",
      call("res.partner", "read", [[one], ["active"]])[0]["active"] is False)

# Faults by their code.
fault("access denied", 3, "Access Denied", models.execute_kw, DB, uid, "wrong", "res.partner",
      "search", [[]])
fault("company that is not the user's", 4, "unauthorized or invalid companies", call,
      "res.partner", "search", [[]], {"context": {"allowed_company_ids": [99]}})
fault("private method", 4, "cannot be called remotely", call, "res.partner", "_compute_x", [[one]])
fault("gone record", 2, "Record does not exist or has been deleted", call, "res.partner", "write",
      [[more[0]], {"ref": "x"}])
fault("name missing", 2, "res_partner_check_name" if version < 17 else "Contacts require a name",
      call, "res.partner", "create", [{"email": "x@y.z"}])
fault("unknown model", 2, "Object no.such.model doesn't exist", call, "no.such.model", "search", [[]])
fault("unknown field", 1, "ValueError: Invalid field 'no_such'", call, "res.partner", "create",
      [{"name": "x", "no_such": 1}])
fault("unknown method", 1, "AttributeError", call, "res.partner", "no_such_method", [[]])
fault("bad selection", 1, "ValueError: Wrong value for res.partner.type: 'nonsense'", call,
      "res.partner", "write", [[one], {"type": "nonsense"}])
fault("no arguments", 1, "IndexError", call, "res.partner", "write", [])

# load.
fields = ["id", "name", "country_id/id", "ref"]
good = call("res.partner", "load", [fields, [
    ["navodoo.x_1", "Load A", "base.hu", "L1"], ["navodoo.x_2", "Load B", "base.us", "L2"]]])
check("load", good["messages"] == [] and len(good["ids"]) == 2, good)
again = call("res.partner", "load", [fields, [["navodoo.x_1", "Load A2", "", "L1"]]])
check("load updates", again["ids"] == good["ids"][:1], again)
bad = call("res.partner", "load", [fields, [
    ["navodoo.x_3", "Load C", "base.hu", ""], ["navodoo.x_4", "Load D", "base.no_such", ""]]])
check("load refuses", bad["ids"] is False and bad["messages"][0]["record"] == 1, bad)
check("load keeps nothing", call("res.partner", "search_count", [[["name", "=", "Load C"]]]) == 0)
check("external id", call("ir.model.data", "check_object_reference", ["navodoo", "x_1"]) == [
    "res.partner", good["ids"][0]])

# The old path: codes are texts.
old = xmlrpc.client.ServerProxy("http://%s:%d/xmlrpc/object" % (HOST, PORT))
fault("old path, denied", "AccessDenied", "", old.execute_kw, DB, uid, "bad", "res.partner",
      "search", [[]])

print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
