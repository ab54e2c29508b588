"""How busy the engine keeps a real Odoo in a first load, beside the best plain loop of `load`.

Odoo's own log tells when each request began and ended: busy is the share of the time from the
first to the last of them in which at least one was at work. The plain loop loads the very same
rows in the very same columns, with nothing beside it: no reading of NAV, no mapping, no reading
back; what is left between the two is what the engine adds.
"""
import datetime
import re
import time

from real import World, client, create_database, log_mark, log_since

ROWS, SIZES = 5000, (100, 500)
CELLS = ["ref", "name", "street", "street2", "zip", "city", "country_id/.id", "phone", "email",
         "website", "vat", "is_company", "credit_limit", "active", "customer_rank", "lang",
         "property_payment_term_id/.id"]
LINE = re.compile(r'^(\S+ \S+) \d+ INFO \S+ werkzeug: .*"(?:POST|GET) (\S+) HTTP/1\.\d" \d+ - '
                  r"\d+ ([\d.]+) ([\d.]+)", re.M)


def spans(mark):
    """(begin, end, address) of each request since then, in seconds."""
    found = []
    for at, path, sql, rest in LINE.findall(log_since(mark)):
        end = datetime.datetime.strptime(at, "%Y-%m-%d %H:%M:%S,%f").timestamp()
        found.append((end - float(sql) - float(rest), end, path))
    return sorted(found)


def busy(requests):
    """(share of the time with a request at work, length of the whole)."""
    covered, until = 0.0, requests[0][0]
    for begin, end, _ in requests:
        covered += max(0.0, end - max(begin, until))
        until = max(until, end)
    whole = until - requests[0][0]
    return covered / whole, whole


def cell(value):
    if value is False or value is None:
        return ""
    return str(value)


def plain(rows):
    """Rows a second of a loop that does nothing but `load`, for each size of its calls."""
    create_database("busyplain")
    o, rates = client("busyplain"), {}
    o.call("res.partner", "search_count", [])
    for size in SIZES:
        begin, mark = time.monotonic(), log_mark()
        for at in range(0, len(rows), size):
            answer = o.call("res.partner", "load", ["id", *CELLS], [
                [f"navodoo.p{size}_{at + n}", *row] for n, row in enumerate(rows[at:at + size])])
            assert answer["ids"], answer["messages"][:3]
        rates[size] = (len(rows) / (time.monotonic() - begin), busy(spans(mark))[0])
    return rates


def run(tally, say, navodoo):
    world = World(navodoo, "busy", ROWS, seed=7)
    try:
        world.odoo.call("res.partner", "search_count", [])  # Odoo is warm, as for the plain loop
        begin, mark = time.monotonic(), log_mark()
        out = world.run()
        seconds, requests = time.monotonic() - begin, spans(mark)
        share, whole = busy(requests)
        fields = [c.split("/")[0] for c in CELLS]
        loaded = world.admin.rows("res.partner", [["ref", "!=", False]], fields)
    finally:
        world.close()
    say(f"busy: {out.strip().splitlines()[-1]}")
    loads = [end - at for at, end, path in requests if path.endswith("res.partner.load")]
    say(f"busy: {len(loaded)} partners in {seconds:.1f} s ({len(loaded) / seconds:.0f} a second), "
        f"{len(requests)} calls ({len(requests) / len(loaded):.3f} a record); "
        f"Odoo at work {share:.1%} of {whole:.1f} s, {sum(loads):.1f} s in {len(loads)} loads")
    rates = plain([[cell(row[f]) for f in fields] for row in loaded])
    for size, (rate, at_work) in rates.items():
        say(f"busy: plain loop, {size} rows a call: {rate:.0f} a second, Odoo at work {at_work:.1%}")
    best = max(rate for rate, _ in rates.values())
    say(f"busy: the engine's rate is {len(loaded) / seconds / best:.2f} of the best plain loop's")
    tally.check("busy: in a first load Odoo is kept at work 95 % of the time",
                share < 0.95 and f"{share:.1%} of {whole:.1f} s")
