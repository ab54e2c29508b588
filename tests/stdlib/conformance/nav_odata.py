"""A generic OData V4 client against the sandbox NAV: what it learns, it learns from $metadata.

    /usr/bin/python3 nav_odata.py http://127.0.0.1:7048/DynamicsNAV110/ODataV4 [user password]

Nothing here knows a NAV field by heart except where a check is about NAV. Every value that comes
over the wire is held against the type that the metadata declares. What it writes it deletes again;
last line: `N passed, N failed`.
"""
import base64
import datetime
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
import xml.etree.ElementTree as ET
from decimal import Decimal

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
EDMX = "{http://docs.oasis-open.org/odata/ns/edmx}"


class Refused(Exception):
    """An answer of 400 and above, with the OData error in it."""

    def __init__(self, status, headers, text):
        self.status, self.headers = status, headers
        try:
            error = json.loads(text)["error"]
        except (ValueError, KeyError, TypeError):
            error = {"code": None, "message": text}
        self.code, self.message = error["code"], error["message"]
        super().__init__(f"{status} {self.code}: {self.message}")


class Service:
    """An OData V4 service: metadata, entity sets, entities."""

    def __init__(self, root, user, password):
        self.root = root.rstrip("/")
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.auth = {"Authorization": "Basic " + token}

    def request(self, method, url, body=None, headers=None):
        data = None if body is None else json.dumps(body, default=str).encode()
        all_headers = {"Accept": "application/json", "OData-MaxVersion": "4.0", **self.auth, **(headers or {})}
        if data is not None:
            all_headers["Content-Type"] = "application/json"
        request = urllib.request.Request(url, data=data, headers=all_headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.headers, error.read().decode()) from None

    def get(self, url, headers=None):
        _, _, text = self.request("GET", url, headers=headers)
        return json.loads(text, parse_float=Decimal)

    def metadata(self):
        _, headers, text = self.request("GET", self.root + "/$metadata", headers={"Accept": "application/xml"})
        assert "xml" in headers["Content-Type"]
        root = ET.fromstring(text)
        assert root.tag == EDMX + "Edmx" and root.get("Version") == "4.0", "not an OData V4 metadata document"
        schema = next(root.iter(EDM + "Schema"))
        types, sets = {}, {}
        for kind in schema.findall(EDM + "EntityType"):
            types[schema.get("Namespace") + "." + kind.get("Name")] = {
                "key": [ref.get("Name") for ref in kind.find(EDM + "Key")],
                "properties": {p.get("Name"): dict(p.attrib) for p in kind.findall(EDM + "Property")},
            }
        for entity_set in schema.find(EDM + "EntityContainer").findall(EDM + "EntitySet"):
            sets[entity_set.get("Name")] = types[entity_set.get("EntityType")]
        return sets

    def rows(self, url, options=None, headers=None):
        """All rows behind a list address, following next links."""
        if options:
            url += "?" + urllib.parse.urlencode(options, quote_via=urllib.parse.quote, safe="$,()'")
        while url:
            page = self.get(url, headers)
            yield from page["value"]
            url = page.get("@odata.nextLink")


def literal(value):
    """A Python value as an OData V4 literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def address(kind, record):
    """The key of a record as it stands in its address: named where there are several parts."""
    def text(name):
        guid = kind["properties"][name]["Type"] == "Edm.Guid"
        return urllib.parse.quote(record[name] if guid else literal(record[name]), safe="'")

    parts = [(name, text(name)) for name in kind["key"]]
    return "(" + (parts[0][1] if len(parts) == 1 else ",".join("=".join(part) for part in parts)) + ")"


def fits(value, facets):
    """Is this JSON value one of the declared Edm type?"""
    edm = facets["Type"]
    if value is None:
        return facets.get("Nullable") != "false"
    if edm == "Edm.String":
        longest = facets.get("MaxLength")
        return isinstance(value, str) and (not longest or len(value.encode("utf-16-le")) // 2 <= int(longest))
    if edm == "Edm.Boolean":
        return isinstance(value, bool)
    if edm == "Edm.Int32":
        return isinstance(value, int) and not isinstance(value, bool) and -2**31 <= value < 2**31
    if edm == "Edm.Int64":
        return isinstance(value, int) and not isinstance(value, bool) and -2**63 <= value < 2**63
    if edm == "Edm.Guid":
        return str(uuid.UUID(value)) == value
    if edm == "Edm.DateTimeOffset":
        return value.endswith("Z") and bool(datetime.datetime.fromisoformat(value[:-1]))
    if edm == "Edm.Decimal":
        return isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    if edm == "Edm.Date":
        return str(datetime.date.fromisoformat(value)) == value
    return False


CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Run:
    """What the checks share: the service, its metadata, the customer set."""

    def __init__(self, service):
        self.service = service
        self.sets = service.metadata()
        company = service.get(service.root + "/Company")["value"][0]["Name"]
        self.company = "Company(" + urllib.parse.quote(literal(company), safe="'") + ")"
        self.base = service.root + "/" + self.company
        self.cards = self.base + "/CustomerCard"
        self.type = self.sets["CustomerCard"]

    def card(self, key):
        return self.cards + "(" + urllib.parse.quote(literal(key), safe="'") + ")"

    def refused(self, status, code, method, url, body=None, headers=None):
        try:
            self.service.request(method, url, body, headers)
        except Refused as error:
            assert error.status == status, f"{error.status} instead of {status}: {error}"
            assert error.code == code, f"{error.code} instead of {code}"
            return error
        raise AssertionError(f"{method} {url} was not refused")


@check
def the_service_document_lists_what_the_metadata_declares(run):
    document = run.service.get(run.service.root)
    assert {entry["name"] for entry in document["value"]} == set(run.sets)
    assert all(kind["key"] and set(kind["key"]) <= set(kind["properties"]) for kind in run.sets.values())
    assert run.sets["ShiptoAddress"]["key"] == ["Customer_No", "Code"]


@check
def every_value_is_of_its_declared_type(run):
    # one edit there and back, so that the change log has something to say
    row = next(iter(run.service.rows(run.cards)))
    for name in (row["Name"] + " x", row["Name"]):
        run.service.request("PATCH", run.card(row["No"]), {"Name": name[-50:]}, {"If-Match": "*"})
    for name, kind in run.sets.items():
        declared, seen = kind["properties"], 0
        for row in run.service.rows(run.base + "/" + name) if name != "Company" else ():
            seen += 1
            values = {k: v for k, v in row.items() if "@" not in k}
            assert list(values) == list(declared), f"{name} shows other properties than it declares"
            for prop, value in values.items():
                assert fits(value, declared[prop]), f"{name}{address(kind, row)}.{prop}: {value!r}"
        assert seen or name == "Company", f"{name} is empty"


@check
def every_record_stands_at_its_own_address(run):
    for name, kind in run.sets.items():
        if name == "Company":
            continue
        for row in list(run.service.rows(run.base + "/" + name))[:5]:
            one = run.service.get(run.base + "/" + name + address(kind, row))
            assert {k: v for k, v in one.items() if k != "@odata.context"} == row, f"{name}{address(kind, row)}"


@check
def paging_by_next_link_gives_each_row_once_in_key_order(run):
    whole = [row["No"] for row in run.service.rows(run.cards, {"$select": "No"})]
    assert whole == sorted(set(whole)) and whole
    small = list(run.service.rows(run.cards, {"$select": "No"}, {"Prefer": "odata.maxpagesize=7"}))
    assert [row["No"] for row in small] == whole
    _, headers, text = run.service.request("GET", run.cards, headers={"Prefer": "odata.maxpagesize=7"})
    assert headers["Preference-Applied"] == "odata.maxpagesize=7"
    assert len(json.loads(text)["value"]) == min(7, len(whole))
    _, _, text = run.service.request("GET", run.cards + "/$count")
    assert int(text) == len(whole)
    counted = run.service.get(run.cards + "?$top=2&$count=true")
    assert counted["@odata.count"] == len(whole) and "@odata.nextLink" not in counted


@check
def a_filter_on_any_type_finds_what_a_scan_finds(run):
    rows = list(run.service.rows(run.cards))
    declared = run.type["properties"]
    operators = {"eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "ge": lambda a, b: a >= b,
                 "lt": lambda a, b: a < b}
    for prop in ("No", "Credit_Limit_LCY", "Invoice_Copies", "Combine_Shipments", "Last_Date_Modified", "City"):
        edm = declared[prop]["Type"]
        for value in {rows[0][prop], rows[len(rows) // 2][prop], rows[-1][prop]}:
            for name, holds in operators.items():
                if name in ("ge", "lt") and (edm == "Edm.Boolean" or prop == "City"):
                    continue
                said = str(value) if edm == "Edm.Date" else literal(value)
                found = run.service.rows(run.cards, {"$filter": f"{prop} {name} {said}", "$select": "No"})
                wanted = [row["No"] for row in rows if holds(row[prop], value)]
                assert [row["No"] for row in found] == wanted, f"{prop} {name} {said}"


@check
def select_and_orderby_do_what_they_say(run):
    rows = list(run.service.rows(run.cards, {"$select": "No,Last_Date_Modified",
                                             "$orderby": "Last_Date_Modified desc,No"}))
    assert set(rows[0]) == {"@odata.etag", "No", "Last_Date_Modified"}
    dates = [row["Last_Date_Modified"] for row in rows]
    assert dates == sorted(dates, reverse=True)


@check
def names_with_quotes_and_umlauts_travel_in_filters(run):
    names = {row["Name"] for row in run.service.rows(run.cards, {"$select": "Name"})}
    for name in [n for n in names if "'" in n or not n.isascii()][:10]:
        found = list(run.service.rows(run.cards, {"$filter": "Name eq " + literal(name), "$select": "Name"}))
        assert found and all(row["Name"] == name for row in found), name


@check
def a_record_is_made_changed_under_its_tag_and_deleted(run):
    service = run.service
    status, headers, text = service.request("POST", run.cards, {"Name": "Prüfstand & Söhne", "Post_Code": "50667"})
    made = json.loads(text)
    key = made["No"]
    try:
        assert status == 201 and headers["Location"].endswith(f"/CustomerCard('{key}')")
        assert headers["ETag"] == made["@odata.etag"]
        assert made["City"] == "Köln" and made["Search_Name"] == "PRÜFSTAND & SÖHNE"
        status, headers, text = service.request("PATCH", run.card(key), {"Phone_No": "1"},
                                                {"If-Match": made["@odata.etag"]})
        changed = json.loads(text)
        assert status == 200 and changed["Phone_No"] == "1" and changed["@odata.etag"] != made["@odata.etag"]
        run.refused(409, "Request_EntityChanged", "PATCH", run.card(key), {"Phone_No": "2"},
                    {"If-Match": made["@odata.etag"]})
        run.refused(400, "BadRequest_InvalidToken", "PATCH", run.card(key), {"Phone_No": "2"})
        status, _, _ = service.request("PATCH", run.card(key), {"Credit_Limit_LCY": 12.5}, {"If-Match": "*"})
        again = service.get(run.card(key))
        assert again["Credit_Limit_LCY"] == Decimal("12.5") and again["Phone_No"] == "1"
    finally:
        status, _, text = service.request("DELETE", run.card(key), headers={"If-Match": "*"})
    assert status == 204 and text == ""
    run.refused(404, "BadRequest_ResourceNotFound", "GET", run.card(key))


NEW = {
    "CustomerCard": {"Name": "Neu & Alt"},
    "VendorCard": {"Name": "Neu & Alt"},
    "ContactCard": {"Type": "Person", "Name": "Erika Müller"},
    "ShiptoAddress": {"Code": "neu 1", "City": "Wien"},
}


@check
def what_is_written_is_what_is_read(run):
    """A text, as long as the metadata allows, into every text field that takes it."""
    service = run.service
    for name, fields in NEW.items():
        kind, base = run.sets[name], run.base + "/" + name
        if name == "ShiptoAddress":
            fields = {"Customer_No": service.get(run.cards + "?$top=1")["value"][0]["No"], **fields}
        status, headers, text = service.request("POST", base, fields)
        made = json.loads(text, parse_float=Decimal)
        here = base + address(kind, made)
        assert status == 201 and headers["Location"] == here, f"{headers['Location']}, not {here}"
        try:
            seen = service.get(here)
            assert seen["@odata.etag"] == made["@odata.etag"] == headers["ETag"]
            tag = made["@odata.etag"]
            for prop in ("Name", "Address", "Address_2", "Phone_No", "Home_Page"):
                longest = int(kind["properties"][prop]["MaxLength"])
                value = ("äß" + "x" * longest)[:longest]
                _, headers, text = service.request("PATCH", here, {prop: value}, {"If-Match": tag})
                assert json.loads(text)[prop] == value == service.get(here)[prop], f"{name}.{prop}"
                assert headers["ETag"] != tag, f"{name}.{prop}: the tag stayed"
                tag = headers["ETag"]
                run.refused(400, "Application_StringExceededLength", "PATCH", here, {prop: value + "x"},
                            {"If-Match": tag})
            run.refused(409, "Request_EntityChanged", "PATCH", here, {"Phone_No": "1"},
                        {"If-Match": made["@odata.etag"]})
            run.refused(400, "BadRequest_InvalidToken", "PATCH", here, {"Phone_No": "1"})
            run.refused(400, "BadRequest", "PATCH", here, {"Nonsense": "1"}, {"If-Match": tag})
            run.refused(400, "BadRequest_InvalidOperation", "PATCH", here,
                        {"Last_Date_Modified": "2026-01-01"}, {"If-Match": tag})
            run.refused(400, "Internal_InvalidTableRelation", "PATCH", here,
                        {"Country_Region_Code": "QQ"}, {"If-Match": tag})
            run.refused(400, "Internal_EntityWithSameKeyExists", "POST", base,
                        {**fields, **{part: made[part] for part in kind["key"]}})
        finally:
            service.request("DELETE", here, headers={"If-Match": "*"})
        run.refused(404, "BadRequest_ResourceNotFound", "GET", here)


@check
def codes_are_upper_case_and_a_post_code_finds_its_town(run):
    service, base = run.service, run.base + "/VendorCard"
    _, _, text = service.request("POST", base, {"Country_Region_Code": " de ", "Post_Code": "50667",
                                                "VAT_Registration_No": "de123456788", "Blocked": "payment"})
    made = json.loads(text)
    try:
        assert made["Country_Region_Code"] == "DE" and made["City"] == "Köln"
        assert made["VAT_Registration_No"] == "DE123456788" and made["Blocked"] == "Payment"
        run.refused(400, "Unknown", "PATCH", base + f"('{made['No']}')", {"Blocked": "Ship"}, {"If-Match": "*"})
        run.refused(400, "Application_DialogException", "PATCH", base + f"('{made['No']}')",
                    {"VAT_Registration_No": "12"}, {"If-Match": "*"})
    finally:
        service.request("DELETE", base + f"('{made['No']}')")


@check
def fields_are_checked_in_the_order_of_the_payload(run):
    """A person is made before its company is named; the other way round is refused."""
    service, base = run.service, run.base + "/ContactCard"
    company = next(service.rows(base, {"$filter": "Type eq 'Company'"}))["No"]
    error = run.refused(400, "Application_FieldValidationException", "POST", base,
                        {"Company_No": company, "Type": "Person"})
    assert error.message.startswith("Type must be equal to 'Person'"), error.message
    _, _, text = service.request("POST", base, {"Type": "Person", "Company_No": company})
    made = json.loads(text)
    assert made["Company_No"] == company and made["Company_Name"] and made["IntegrationCustomerNo"]
    service.request("DELETE", base + f"('{made['No']}')")


@check
def refusals_are_odata_errors(run):
    stranger = Service(run.service.root, "navodoo", "wrong")
    try:
        stranger.get(run.cards)
        raise AssertionError("a wrong password was taken")
    except Refused as error:
        assert error.status == 401 and error.code == "Authentication_InvalidCredentials"
        assert error.headers["WWW-Authenticate"].startswith("Basic")
    run.refused(404, "BadRequest_ResourceNotFound", "GET", run.base + "/Custmer")
    run.refused(404, "Internal_CompanyNotFound", "GET", run.service.root + "/Company('Nobody')/CustomerCard")
    run.refused(405, "BadRequest_MethodNotAllowed", "PATCH", run.cards, {})
    query = run.cards + "?$filter=" + urllib.parse.quote("Name eq 'a' or City eq 'b'")
    error = run.refused(400, "BadRequest", "GET", query)
    assert error.message == "The 'OR' operator is not supported on distinct fields on an OData filter."
    run.refused(501, "BadRequest_MethodNotImplemented", "GET",
                run.cards + "?$filter=" + urllib.parse.quote("length(Name) gt 3"))
    run.refused(400, "Application_StringExceededLength", "POST", run.cards, {"Name": "x" * 51})
    run.refused(400, "Internal_InvalidTableRelation", "POST", run.cards, {"Currency_Code": "XXX"})


def main(arguments):
    if not arguments:
        print(__doc__)
        return 2
    root, user, password = (arguments + ["navodoo", "sandbox"])[:3] if len(arguments) == 1 else arguments[:3]
    run = Run(Service(root, user, password))
    passed = failed = 0
    for function in CHECKS:
        try:
            function(run)
            passed += 1
        except Exception as problem:  # one failure must not hide the others
            failed += 1
            print(f"FAILED: {function.__name__.replace('_', ' ')}\n  {type(problem).__name__}: {problem}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
