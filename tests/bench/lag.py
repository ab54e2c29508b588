"""Prints how long a change in NAV takes to Odoo, on default settings, and fails when fewer
than 95 in 100 are there within 15 s.

  lag.py NAVODOO [CHANGES]

A clerk changes customers at random moments of a minute; when each new name is first read
in Odoo is looked up ten times a second. Nothing is accelerated: the flows that ship, their
intervals, the sandbox.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

NAVODOO = sys.argv[1]
CHANGES = int(sys.argv[2]) if len(sys.argv) > 2 else 100
SECONDS, GOAL, SHARE = 60, 15, 0.95
CUSTOMERS = 500


def fetch(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def names_in_odoo(odoo, uid):
    answer = fetch(odoo + "/jsonrpc", {"jsonrpc": "2.0", "id": 1, "params": {
        "service": "object", "method": "execute_kw",
        "args": ["sandbox", uid, "sandbox", "res.partner", "search_read", [[["name", "like", "Late "]]],
                 {"fields": ["name"], "context": {"active_test": False}}]}})
    return [row["name"] for row in answer["result"]]


def customer_flow(work):
    """A folder with the customer flow alone: the double and the figures know no other."""
    flows = os.path.join(work, "flows")
    shutil.copytree("flows", flows)
    for name in os.listdir(flows):
        if name.endswith(".lua") and name not in ("customer.lua", "navodoo.lua"):
            os.remove(os.path.join(flows, name))
    return flows


def main():
    sandbox = subprocess.Popen([NAVODOO, "sandbox", "--nav", ":0", "--odoo", ":0", "--customers", str(CUSTOMERS)],
                               stdout=subprocess.PIPE, text=True)
    nav, odoo = (sandbox.stdout.readline().split()[1] for _ in range(2))
    uid = fetch(odoo + "/jsonrpc", {"jsonrpc": "2.0", "id": 1, "params": {
        "service": "common", "method": "login", "args": ["sandbox", "navodoo@example.com", "sandbox"]}})["result"]
    with tempfile.TemporaryDirectory(prefix="navodoo-lag-") as work:
        where = ["--set", f"nav.url={nav}/DynamicsNAV110/ODataV4", "--set", f"odoo.url={odoo}",
                 "--state", os.path.join(work, "state")]
        flows = customer_flow(work)
        subprocess.run([NAVODOO, "run", flows, "--once", *where], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        engine = subprocess.Popen([NAVODOO, "run", flows, *where], stderr=subprocess.DEVNULL)
        linked = json.loads(subprocess.run([NAVODOO, "links", *where[4:], "--limit", "1000", "--json"], check=True,
                                           capture_output=True).stdout)["links"]
        keys = sorted(link["nav"].rsplit("/", 1)[1] for link in linked)
        rng = random.Random(1)
        moments = sorted(rng.uniform(1, SECONDS) for _ in range(CHANGES))
        chosen, written, seen = rng.sample(keys, CHANGES), {}, {}
        begin = time.monotonic()
        while len(seen) < CHANGES and time.monotonic() - begin < SECONDS + 4 * GOAL:
            now = time.monotonic() - begin
            while len(written) < CHANGES and moments[len(written)] <= now:
                name = f"Late {len(written)}"
                fetch(nav + "/_sandbox/edit", {"key": chosen[len(written)], "fields": {"Name": name}})
                written[name] = time.monotonic()
            for name in names_in_odoo(odoo, uid):
                seen.setdefault(name, time.monotonic() - written[name])
            time.sleep(0.1)
        engine.send_signal(signal.SIGTERM)
        engine.wait()
    sandbox.terminate()
    sandbox.wait()
    waits = sorted(seen.values())
    in_time = sum(w <= GOAL for w in waits)
    print(f"NAV to Odoo, default settings: {in_time} of {CHANGES} changes within {GOAL} s; "
          f"median {waits[len(waits) // 2]:.1f} s, 95 in 100 after {waits[int(len(waits) * 0.95) - 1]:.1f} s, "
          f"longest {waits[-1]:.1f} s" + ("" if len(waits) == CHANGES else f", {CHANGES - len(waits)} never"))
    return 0 if in_time >= SHARE * CHANGES else 1


if __name__ == "__main__":
    sys.exit(main())
