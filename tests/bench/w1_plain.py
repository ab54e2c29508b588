"""The yardstick: a plain batch script, as an integrator would write it in an afternoon.

Reads NAV page by page, maps, creates partners a hundred at a time. Keeps nothing: no
store, no links, no read-back, no second chance.
"""
import http.client
import json
import sys
from urllib.parse import quote, urlsplit

LANGUAGES = {"DEU": "de_DE", "ENU": "en_US", "FRA": "fr_FR"}


def partner(r, countries):
    country = r.get("Country_Region_Code", "")
    return {
        "ref": r["No"], "name": r["Name"], "street": r["Address"],
        "street2": r["Address_2"] or False, "zip": r["Post_Code"], "city": r["City"],
        "country_id": countries.get(country, False), "phone": r["Phone_No"],
        "email": r["E_Mail"].lower(), "website": r["Home_Page"] or False,
        "lang": LANGUAGES.get(r["Language_Code"], "en_US"),
        "vat": r["VAT_Registration_No"].replace(" ", "") or False,
        "is_company": r["Partner_Type"] != "Person", "credit_limit": r["Credit_Limit_LCY"],
        "active": r["Blocked"] != "All", "customer_rank": 1,
    }


FIELDS = ("No,Name,Address,Address_2,Post_Code,City,Country_Region_Code,Phone_No,E_Mail,"
          "Home_Page,Language_Code,VAT_Registration_No,Partner_Type,Payment_Terms_Code,"
          "Credit_Limit_LCY,Salesperson_Code,Blocked,Customer_Posting_Group")


def main(base):
    where = urlsplit(base)
    nav = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    odoo = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    serial = 0

    def rpc(service, method, args):
        nonlocal serial
        serial += 1
        odoo.request("POST", "/jsonrpc", json.dumps({
            "jsonrpc": "2.0", "method": "call", "id": serial,
            "params": {"service": service, "method": method, "args": args}}),
            {"Content-Type": "application/json"})
        answer = json.loads(odoo.getresponse().read())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer.get("result")

    uid = rpc("common", "authenticate", ["bench", "bench", "secret", {}])

    def call(model, method, args, options=None):
        return rpc("object", "execute_kw", ["bench", uid, "secret", model, method, args, options or {}])

    countries = {c["code"]: c["id"]
                 for c in call("res.country", "search_read", [[]], {"fields": ["code"]})}
    company = quote("CRONUS International Ltd.")
    after, count = "", 0
    while True:
        condition = "&$filter=" + quote(f"No gt '{after}'") if after else ""
        nav.request("GET", f"/DynamicsNAV110/ODataV4/Company('{company}')/CustomerCard"
                    f"?$select={FIELDS}&$orderby=No&$top=1000{condition}")
        rows = json.loads(nav.getresponse().read())["value"]
        for i in range(0, len(rows), 100):
            call("res.partner", "create", [[partner(r, countries) for r in rows[i:i + 100]]])
        count += len(rows)
        if len(rows) < 1000:
            break
        after = rows[-1]["No"]
    print(count)


if __name__ == "__main__":
    main(sys.argv[1])
