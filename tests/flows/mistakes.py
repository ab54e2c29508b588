"""Fifty mistakes that people make in flows: `navodoo check` and `navodoo test` must catch 45.

    python3 tests/flows/mistakes.py NAVODOO [--only TEXT] [--verbose]

Each one is a small edit of a flow that ships: a slip, a thing misunderstood, a thing forgotten.
It is caught when a message names the file and the line of it, or of the place that
`or_at` names where the mistake shows as well (the flow that it collides with, the rule
that it breaks). Some of them no tool can know; they are here all the same.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FLOWS = os.path.normpath(os.path.join(HERE, "..", "..", "flows"))
WANTED = 45

C, V, S, P, CONFIG = "customer.lua", "vendor.lua", "ship_to.lua", "contact.lua", "navodoo.lua"


class Mistake:
    """One edit: `old` becomes `new` in `file`."""

    def __init__(self, what, file, old, new, or_at=None):
        self.what, self.file, self.old, self.new, self.or_at = what, file, old, new, or_at or []

    def apply(self, folder):
        """Edits the file; answers the places where a message may point."""
        path = os.path.join(folder, self.file)
        with open(path, encoding="utf-8") as f:
            source = f.read()
        if source.count(self.old) != 1:
            raise SystemExit("%s: %r stands %d times in %s" % (self.what, self.old, source.count(self.old), self.file))
        begin = source.index(self.old)
        changed = source.replace(self.old, self.new)
        with open(path, "w", encoding="utf-8") as f:
            f.write(changed)
        # from the first line that differs to the last
        same = len(os.path.commonprefix([self.old, self.new]))
        first = source.count("\n", 0, begin + same) + 1
        last = first + max(self.new[same:].rstrip("\n").count("\n"), 0)
        places = {(self.file, n) for n in range(first, last + 1)}
        for file, text in self.or_at:
            with open(os.path.join(folder, file), encoding="utf-8") as f:
                lines = f.read().split("\n")
            found = [n for n, line in enumerate(lines, 1) if text in line]
            if len(found) != 1:
                raise SystemExit("%s: %r stands in %d lines of %s" % (self.what, text, len(found), file))
            places.add((file, found[0]))
        return places


M = Mistake
MISTAKES = [
    # names
    M("a letter left out of a NAV property", C, '{ "Post_Code", "zip" }', '{ "Post_Cod", "zip" }'),
    M("NAV's caption instead of the property", C, '"Phone_No",  "phone"', '"Phone No.",  "phone"'),
    M("a field of an older Odoo", P, '"Phone_No",  "phone"', '"Phone_No",  "mobile"'),
    M("the two sides swapped", V, '{ "City",      "city", shared', '{ "city",      "City", shared'),
    M("a lookup misspelt", S, "lookup.country }", "lookup.contry }"),
    M("the card's name in the plural", C, 'read = "CustomerCard"', 'read = "CustomerCards"'),
    M("the list read instead of the card", V, 'read = "VendorCard"', 'read = "VendorList"',
      [(V, '"Address", "Address_2"')]),
    M("the stamp of another table", P, 'stamp = "Last_Date_Modified"', 'stamp = "Last_DateTime_Modified"'),
    M("a rule on a property that is not on the page", C, 'rule.email "E_Mail"', 'rule.email "EMail"'),
    M("a field in where misspelt", V, '"supplier_rank", ">", 0', '"vendor_rank", ">", 0'),
    M("the flow that a link belongs to misspelt", S, 'lookup.link "customer"', 'lookup.link "customers"'),
    # shape
    M("a comma forgotten", C, '{ "City",      "city" },', '{ "City",      "city" }',
      [(C, '{ "Phone_No",  "phone" }')]),
    M("the key forgotten", P, 'write = "ContactCard", key = "No"', 'write = "ContactCard"'),
    M("half of a composite key", S, 'key = { "Customer_No", "Code" }', 'key = "Code"'),
    M("a duration with a blank", C, 'every = "30s", sweep = "03:00"', 'every = "30 s", sweep = "03:00"'),
    M("a time of day that there is not", S, 'scan = "02:45"', 'scan = "24:45"'),
    M("one field written by two entries", C, '{ "Home_Page", "website", map.url }',
      '{ "Home_Page", "website", map.url },\n    { "Fax_No", "phone" }'),
    M("the flow's return forgotten", S, 'return flow "ship_to"', 'local _ = flow "ship_to"'),
    M("a password in the settings", CONFIG, 'odoo = { kind = "odoo", password = secret "ODOO_PASSWORD"',
      'odoo = { kind = "odoo", password = "s3cret"'),
    # types and lengths
    M("a code written into a link without a lookup", C, '"country_id", lookup.country', '"country_id"'),
    M("the wrong lookup for a field", V, '"property_supplier_payment_term_id", lookup.payment_term',
      '"property_supplier_payment_term_id", lookup.country'),
    M("an option written into a boolean", V, '"active", get = is_open, put = keep_payment_stop', '"active"'),
    M("a field that Odoo computes", C, '{ "Name", "name", required', '{ "Name", "display_name", required'),
    M("an option that NAV does not have", C, 'block = { Blocked = "All" }', 'block = { Blocked = "Yes" }'),
    M("a choice without the blank option", C, '{ [" "] = true, Company = true, Person = false }',
      "{ Company = true, Person = false }"),
    M("a kind of address that Odoo does not have", S, 'type = "delivery" } }', 'type = "shipping" } }'),
    M("two fields into a map for one", S, '{ { "Address", "Address_2" }, { "street", "street2" }, map.address }',
      '{ { "Address", "Address_2" }, "street", map.trim }'),
    # values
    M("a float on money", C, '"credit_limit", map.money', '"credit_limit", get = function(v) return v * 1.19 end'),
    M("nil taken for empty", C, 'return blocked ~= "All"', 'return blocked == nil or blocked ~= "All"'),
    M("NAV's empty text looked for in Odoo", V, '"Phone_No",  "phone"',
      '"Phone_No",  "phone", put = function(v) return v == "" and "-" or v end'),
    M("an option in small letters", C, 'return blocked ~= "All"', 'return blocked ~= "all"',
      [(C, '"Blocked", "active"')]),
    M("writing back lifts a credit stop", C, 'return now == "All" and " " or now', 'return " "',
      [(C, '"Blocked", "active"')]),
    M("no way back", V, ", put = keep_payment_stop", ""),
    M("a text cut short", S, '{ "City",      "city" }',
      '{ "City",      "city", get = function(v) return v:sub(1, 20) end, put = function(v) return v or "" end }'),
    M("several codes for one language, and none chosen", P, 'missing = "leave" }, to = "odoo" }', 'missing = "leave" } }'),
    M("two fields of one type swapped", C, '{ "Post_Code", "zip" },\n    { "City",      "city" }',
      '{ "Post_Code", "city" },\n    { "City",      "zip" }'),
    M("the name no longer demanded", V, '"name", required = true, max', '"name", max'),
    M("a code that Odoo does not have", "lookups/country.lua", 'EL = "GR"', 'EL = "EL"'),
    M("the wrong owner", C, '"E_Mail",    "email", map.lower', '"E_Mail",    "email", map.lower, owner = "nav"'),
    M("capitals for small letters", P, '"E_Mail",    "email", map.lower', '"E_Mail",    "email", map.upper'),
    M("companies and persons mixed up", V, "Company = true, Person = false }, { [true] = \"Company\" }",
      "Company = false, Person = true }, { [true] = \"Person\" }", [(V, '"Partner_Type", "is_company"')]),
    M("a way back that is none", V, '"Phone_No",  "phone", shared', '"Phone_No",  "phone", to = "odoo", shared'),
    M("a stop of shipments archives the partner", C, 'return blocked ~= "All"', 'return blocked == " "',
      [(C, '"Blocked", "active"')]),
    M("a rank that raises nothing", C, "map.at_least(1)", "map.at_least(0)"),
    M("a code that NAV does not have", "lookups/bus_group.lua", 'default = "EXPORT"', 'default = "EXPRT"'),
    M("numbers too long for the key", S, "digits = 9", "digits = 12"),
    # flows beside each other, and what new records need
    M("a shared field without an owner", V, '{ "Name", "name", required = true, max = { nav2018 = 50, bc = 100 }, '
      'shared = "customer" }', '{ "Name", "name", required = true, max = { nav2018 = 50, bc = 100 } }'),
    M("an external id copied from another flow", V, 'xmlid = "vendor"', 'xmlid = "customer"'),
    M("the posting group of new customers forgotten", C, ',\n                     Customer_Posting_Group = '
      'lookup.posting_group { "country_id" }', "", [(C, '"a customer posts to a group"')]),
    M("newest on stamps of a day", C, 'conflict = "review"', 'conflict = "newest"'),
]

LINE = re.compile(r"^(?:FAILED )?(?P<file>[^:\s]+\.lua):(?P<line>\d+)")


def places_in(text, folder):
    """Files (below the folder) and lines that messages begin with."""
    found = set()
    for line in text.split("\n"):
        m = LINE.match(line)
        if m:
            found.add((os.path.relpath(m["file"], folder) if os.path.isabs(m["file"]) else
                       m["file"].removeprefix("flows/"), int(m["line"])))
    return found


def run(navodoo, command, work):
    p = subprocess.run([navodoo, command, "flows/"], cwd=work, capture_output=True, text=True, timeout=120,
                       env=dict(os.environ, NO_COLOR="1"))
    return p.returncode, p.stdout + p.stderr


def main():
    args = sys.argv[1:]
    verbose = "--verbose" in args
    only = args[args.index("--only") + 1] if "--only" in args else None
    navodoo = os.path.abspath(args[0])
    by_check = by_test = 0
    missed = []
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "flows")

        def fresh():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(FLOWS, folder)

        fresh()
        for command in ("check", "test"):
            code, told = run(navodoo, command, work)
            if code != 0:
                print(told)
                print("the flows as they ship do not pass navodoo %s" % command)
                print("0 passed, 1 failed")
                return 1
        for m in MISTAKES:
            if only and only not in m.what:
                continue
            fresh()
            places = m.apply(folder)
            caught, told = None, ""
            for command in ("check", "test"):
                code, text = run(navodoo, command, work)
                told += text
                if code != 0 and places_in(text, folder) & places:
                    caught = command
                    break
            by_check += caught == "check"
            by_test += caught == "test"
            if not caught:
                missed.append(m.what)
            if verbose or not caught:
                print("%-7s %s (%s)" % (caught or "MISSED", m.what, m.file))
                for line in told.strip().split("\n")[:6]:
                    print("        %s" % line[:200])
    total = len(MISTAKES) if not only else by_check + by_test + len(missed)
    print("%d mistakes: check catches %d, test %d more, %d missed" % (total, by_check, by_test, len(missed)))
    fine = by_check + by_test >= (WANTED if not only else total)
    print("%d passed, %d failed" % (by_check + by_test if fine else by_check + by_test - 1, 0 if fine else 1))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
