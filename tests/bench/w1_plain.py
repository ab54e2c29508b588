"""The yardstick: a plain batch script, as an integrator would write it in an afternoon.

Reads NAV page by page, maps, creates partners a hundred at a time. Keeps nothing: no
store, no links, no read-back, no second chance.
"""
import http.client
import json
import sys
from urllib.parse import quote, urlsplit

LANGUAGES = {"DE": "de_DE", "AT": "de_DE", "CH": "de_CH", "FR": "fr_FR", "PL": "pl_PL", "JP": "ja_JP"}


def partner(r, countries):
    """The twenty fields of W1."""
    country, vat = r["Country_Region_Code"], r["VAT_Registration_No"]
    return {
        "name": f"{r['Name']} {r['Name_2']}" if r["Name_2"] else r["Name"], "ref": r["No"],
        "street": r["Address"], "street2": r["Address_2"] or False, "city": r["City"],
        "zip": r["Post_Code"], "country_id": countries.get(country, False), "phone": r["Phone_No"],
        "email": r["E_Mail"].lower(), "website": r["Home_Page"],
        "vat": vat.replace(" ", "") or False,
        "is_company": r["Customer_Posting_Group"] != "PRIVATE" or vat != "", "customer_rank": 1,
        "active": r["Blocked"].strip() == "", "credit_limit": r["Credit_Limit_LCY"],
        "comment": f"NAV {r['Customer_Posting_Group']}/{r['Gen_Bus_Posting_Group']}",
        "lang": LANGUAGES.get(country, "en_US"), "x_nav_currency": r["Currency_Code"] or "EUR",
        "x_nav_payment_terms": r["Payment_Terms_Code"], "x_nav_modified": r["Last_Date_Modified"],
    }


FIELDS = ("No,Name,Name_2,Address,Address_2,Post_Code,City,Country_Region_Code,Phone_No,E_Mail,"
          "Home_Page,VAT_Registration_No,Payment_Terms_Code,Credit_Limit_LCY,Currency_Code,Blocked,"
          "Customer_Posting_Group,Gen_Bus_Posting_Group,Last_Date_Modified")


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
