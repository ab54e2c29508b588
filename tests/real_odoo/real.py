"""A NAV from the sandbox, a real Odoo, and the engine between them.

Partners are compared with customers by NAV's own key, field by field, in a way that shares
no code with the flow. Every World has a database of its own, made from the template.
"""
import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "crash"))
import world as crash  # noqa: E402  (tests/crash/world.py)
from client import Fault, Odoo  # noqa: E402

URL = os.environ["NV_ODOO_URL"]
LOG = os.environ["NV_ODOO_LOG"]
with open(os.environ["NV_ODOO_USERS"], encoding="utf-8") as users:
    USERS = json.load(users)

DATABASE = "probes"  # for what is asked without the engine
READ = ["ref", "name", "street", "street2", "city", "zip", "phone", "email", "country_id", "active",
        "is_company", "vat", "website", "lang", "credit_limit", "customer_rank",
        "property_payment_term_id", "write_date"]
COUNTRY = {"EL": "GR", "UK": "GB", "NI": "GB", "XI": "GB"}
LANGUAGE = {"DEU": "de_DE", "FRA": "fr_FR", "ENU": "en_US"}  # those that the template has
TERM = {"": False, "COD": "Immediate Payment", "CM": "End of Month", "1M(8D)": "1 Month, 2% 8 Days"}


def create_database(name):
    subprocess.run([os.environ["NV_PG_BIN"] + "/createdb", "-U", "odoo", "-h",
                    os.environ["NV_PG_SOCKET"], "-T", os.environ["NV_ODOO_TEMPLATE"], name],
                   check=True)


def client(database, who="full"):
    user = USERS[who]
    return Odoo(URL, database, user["login"], user["password"], user["key"])


def log_mark():
    return os.path.getsize(LOG)


def log_since(mark):
    with open(LOG, encoding="utf-8", errors="replace") as f:
        f.seek(mark)
        return f.read()


def calls_since(mark):
    """Requests that Odoo answered, by address."""
    found = {}
    for path in re.findall(r'"(?:POST|GET) (\S+) HTTP', log_since(mark)):
        found[path] = found.get(path, 0) + 1
    return found


def under_way(mark, calls):
    """Waits until Odoo has answered so many calls about partners themselves."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        # 14 logs the bare address, whatever is called
        seen = re.findall(r"POST /(?:jsonrpc|\S*res\.partner[./](?:search_read|load|read)) ",
                          log_since(mark))
        if len(seen) >= calls:
            return
        time.sleep(0.01)


def wait_for_odoo(seconds=60):
    o, last = Odoo(URL, "", "", ""), None
    for _ in range(seconds * 5):
        try:
            return o.version()
        except (OSError, Fault) as e:
            last = e
            time.sleep(0.2)
    raise SystemExit(f"Odoo does not answer: {last}\n{log_since(0)[-3000:]}")


class World(crash.World):
    def __init__(self, navodoo, database, customers=150, who="full", api="jsonrpc", seed=1,
                 settings=(), **sandbox):
        create_database(database)
        self.database, self.who, self.api = database, who, api
        self.extra = list(settings)
        self.odoo = client(database, who)
        self.admin = client(database)
        super().__init__(navodoo, customers, seed=seed, **sandbox)  # asks for our partners
        self.countries = {r["id"]: r["code"] for r in self.admin.rows("res.country", [], ["code"])}
        self.terms = {r["id"]: r["name"]
                      for r in self.admin.rows("account.payment.term", [], ["name"])}

    def engine(self, *args, settings=(), **kw):
        user = USERS[self.who]
        os.environ["NAVODOO_ODOO_PASSWORD"] = user["password" if self.api == "jsonrpc" else "key"]
        return super().engine(*args, **kw, settings=[
            f"odoo.url={URL}", f"odoo.database={self.database}", f"odoo.user={user['login']}",
            f"odoo.api={self.api}", *self.extra, *settings])

    def run(self, *args, **kw):
        kw.setdefault("expect", (0, 3))
        return super().run(*(() if "--wait" in args else ("--wait", "60s")), *args, **kw)

    def partners(self):
        """Partners with a reference: all that the flow made or took over."""
        return self.admin.rows("res.partner", [["ref", "!=", False]], READ)

    def edit(self, key, **fields):
        return self.http("nav", "POST", "/_sandbox/edit",
                         {"table": "Customer", "key": key, "fields": fields})

    def wish(self, c):
        """What Odoo should hold of a customer; a field that is left out may hold anything."""
        code = c["Country_Region_Code"]
        term = c["Payment_Terms_Code"]
        vat = c["VAT_Registration_No"].upper()
        if vat.startswith("CHE"):  # Odoo's own form, whatever is written
            vat = re.sub(r"\s*(MWST|TVA|IVA)$", r" \1", vat)
        else:
            vat = re.sub(r"[\s.\-]", "", vat)
        lines = [c["Address"], c["Address_2"]]
        if not lines[0]:
            lines = [lines[1], ""]
        page = c["Home_Page"]
        wish = {
            "name": c["Name"], "street": lines[0], "street2": lines[1], "city": c["City"],
            "zip": c["Post_Code"], "phone": c["Phone_No"], "email": c["E_Mail"].lower(),
            "country_id": COUNTRY.get(code, code), "active": c["Blocked"] != "All",
            "vat": vat, "credit_limit": float(c["Credit_Limit_LCY"]),
            "is_company": c["Partner_Type"] != "Person",
            "website": page if "://" in page or not page else "http://" + page,
            "property_payment_term_id": TERM.get(term, term.title()),
        }
        if c["Language_Code"] in LANGUAGE:
            wish["lang"] = LANGUAGE[c["Language_Code"]]
        return wish

    def seen(self, p):
        if not p["street"]:
            p = {**p, "street": p["street2"], "street2": False}
        p = {**p, "email": (p["email"] or "").lower()}  # an adopted one may be in capitals
        return {**p, "country_id": self.countries.get(p["country_id"], False),
                "property_payment_term_id": self.terms.get(p["property_payment_term_id"], False)}

    def compare(self):
        """(lost, doubled, parked, wrong), counted by the source's key."""
        parked = {j["record"].rsplit("/", 1)[-1]: j
                  for j in self.command("dead", "--limit", "1000000")["jobs"]}
        found = {}
        for p in self.partners():
            found.setdefault(p["ref"], []).append(p)
            if str(p["id"]) in parked:  # parked on the way into NAV
                parked[p["ref"]] = parked[str(p["id"])]
        lost, doubled, wrong = [], [], []
        for c in self.customers():
            mine = found.pop(c["No"], [])
            if not mine and c["No"] not in parked:
                lost.append(c["No"])
            if len(mine) > 1:
                doubled.append(c["No"])
            if not mine or c["No"] in parked:
                continue
            have = self.seen(mine[0])
            for field, value in self.wish(c).items():
                if (have[field] or False) != (value or False):
                    wrong.append(f"{c['No']}: {field} {have[field]!r}, NAV has {value!r}")
            if have["customer_rank"] < 1:
                wrong.append(f"{c['No']}: not a customer")
        wrong += [f"partner with reference {ref} has no customer" for ref in found]
        return lost, doubled, parked, wrong

    def stamps(self):
        return {p["id"]: p["write_date"] for p in self.partners()}


def changed(before, after):
    return sorted(i for i in set(before) | set(after) if before.get(i) != after.get(i))
