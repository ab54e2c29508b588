"""Prints the figures of W2. A program that prints, not a test that fails.

  w2.py NAVODOO DOUBLE HOOKLOAD [EVENTS]

W2  webhooks: events per second and how long answers take, each event on disk before
    its answer, at 64 connections and at 8, while the engine works on them; a plain
    Python receiver that keeps nothing beside.
    Then the whole way, on the sandbox: a person saves in Odoo, whose automation rule
    posts, and the change is in NAV.
"""
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

NAVODOO, DOUBLE, HOOKLOAD = sys.argv[1:4]
EVENTS = int(sys.argv[4]) if len(sys.argv) > 4 else 50000
HERE = os.path.dirname(os.path.abspath(__file__))
MASTER = "bench"
HOOK = "/hooks/partner/" + hmac.new(MASTER.encode(), b"partner", hashlib.sha256).hexdigest()[:32]
ENV = dict(os.environ, NAVODOO_HOOK_SECRET=MASTER)


def fetch(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def customer_flow(work):
    """A folder with the customer flow alone: the double and the figures know no other."""
    flows = os.path.join(work, "flows")
    shutil.copytree("flows", flows)
    for name in os.listdir(flows):
        if name.endswith(".lua") and name not in ("customer.lua", "navodoo.lua"):
            os.remove(os.path.join(flows, name))
    return flows


class Engine:
    """`navodoo run --listen` with the flows that ship."""

    def __init__(self, work, nav, odoo, *more):
        self.log = open(os.path.join(work, "log"), "w+", encoding="utf-8")
        self.state = os.path.join(work, "state")
        self.flows = customer_flow(work)
        self.process = subprocess.Popen(
            [NAVODOO, "run", self.flows, "--state", self.state, "--listen", "127.0.0.1:0",
             "--set", f"nav.url={nav}/DynamicsNAV110/ODataV4", "--set", f"odoo.url={odoo}", *more],
            stderr=self.log, env=ENV)
        self.port = self.wait(r'"port":(\d+)')
        self.wait("flow runs")

    def wait(self, pattern):
        for _ in range(300):
            with open(self.log.name, encoding="utf-8") as f:
                found = re.search(pattern, f.read())
            if found:
                return found.group(1) if found.groups() else True
            time.sleep(0.1)
        raise RuntimeError(f"the engine does not say {pattern}")

    def total(self, count):
        out = subprocess.run([NAVODOO, "status", "--state", self.state, "--json"], capture_output=True,
                             check=True).stdout
        return sum(count(flow) for flow in json.loads(out)["flows"])

    def jobs(self):
        return self.total(lambda flow: flow["jobs"].get("ready", 0) + flow["jobs"].get("waiting", 0))

    def links(self):
        return self.total(lambda flow: flow["links"])

    def idle(self, links=0):
        """Waits until so many records are linked and no job is left; answers the seconds."""
        begin = time.monotonic()
        while self.jobs() > 0 or self.links() < links:
            if time.monotonic() - begin > 120:
                raise RuntimeError("the engine is not done in time")
            time.sleep(0.1)
        return time.monotonic() - begin

    def memory(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1)) / 1024

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def load(name, port, path, connections, events, first=1):
    out = subprocess.run([HOOKLOAD, str(port), path, str(connections), str(events), str(first)],
                         capture_output=True, check=True).stdout
    r = json.loads(out)
    print(f"W2 {name}, {connections} connections: {r['per_second']:,.0f} events/s, p50 {r['p50_ms']:.1f} ms, "
          f"p99 {r['p99_ms']:.1f} ms, longest {r['max_ms']:.1f} ms, answers {r['status']}", flush=True)
    return r["per_second"]


def plain():
    process = subprocess.Popen([sys.executable, os.path.join(HERE, "receiver.py")], stdout=subprocess.PIPE)
    port = int(process.stdout.readline())
    rates = [load("plain receiver, keeps nothing", port, "/hook", c, min(EVENTS, 20000)) for c in (64, 8)]
    process.kill()
    process.wait()
    return rates


def accept():
    double = subprocess.Popen([DOUBLE, "--port", "0", "--customers", "1000"], stdout=subprocess.PIPE)
    base = double.stdout.readline().decode().split()[-1]
    with tempfile.TemporaryDirectory(prefix="navodoo-bench-") as work:
        engine = Engine(work, base, base, "--set", "odoo.database=bench")
        engine.idle(links=1000)
        rates = []
        for connections, events, first in ((64, EVENTS, 1), (8, EVENTS // 2, 1 + EVENTS)):
            rates.append(load("navodoo, on disk first", engine.port, HOOK, connections, events, first))
            print(f"    all of them looked at {engine.idle():.1f} s later, peak {engine.memory():.1f} MiB")
        engine.close()
    double.kill()
    double.wait()
    return rates


class Sandbox:
    def __init__(self, customers):
        self.process = subprocess.Popen([NAVODOO, "sandbox", "--nav", ":0", "--odoo", ":0", "--customers",
                                         str(customers)], stdout=subprocess.PIPE, text=True)
        self.nav, self.odoo = (self.process.stdout.readline().split()[1] for _ in range(2))
        self.uid = self.rpc("common", "login", "sandbox", "navodoo@example.com", "sandbox")

    def rpc(self, service, method, *args):
        answer = fetch(self.odoo + "/jsonrpc", {"jsonrpc": "2.0", "id": 1, "params": {
            "service": service, "method": method, "args": args}})
        if "error" in answer:
            raise RuntimeError(answer["error"]["data"]["message"])
        return answer.get("result")

    def call(self, model, method, *args, **kwargs):
        return self.rpc("object", "execute_kw", "sandbox", self.uid, "sandbox", model, method, args, kwargs)

    def nav_names(self):
        return {c["No"]: c["Name"] for c in fetch(self.nav + "/_sandbox/dump?table=Customer")["Customer"]}

    def nav_name(self, no):
        """As any client reads it: one small request."""
        url = (f"{self.nav}/DynamicsNAV110/ODataV4/Company('CRONUS%20International%20Ltd.')/CustomerCard('{no}')"
               "?$select=Name")
        login = base64.b64encode(b"navodoo:sandbox").decode()
        request = urllib.request.Request(url, headers={"Authorization": "Basic " + login})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["Name"]

    def close(self):
        self.process.terminate()
        self.process.wait()


def until(seconds, pause, done):
    begin = time.monotonic()
    while not done():
        if time.monotonic() - begin > seconds:
            raise RuntimeError("not in NAV in time")
        time.sleep(pause)
    return time.monotonic() - begin


def through(customers=200, singles=20):
    """From a save in Odoo to NAV: one at a time, then all at once."""
    sandbox = Sandbox(customers)
    with tempfile.TemporaryDirectory(prefix="navodoo-bench-") as work:
        engine = Engine(work, sandbox.nav, sandbox.odoo)
        engine.idle(links=customers * 8 // 10)
        subprocess.run([NAVODOO, "hooks", "install", "customer", "--flows", engine.flows, "--set",
                        f"odoo.hook_url=http://127.0.0.1:{engine.port}", "--set", f"odoo.url={sandbox.odoo}"],
                       check=True, env=ENV, stdout=subprocess.DEVNULL)
        partners = sandbox.call("res.partner", "search_read", [["ref", "!=", False], ["customer_rank", ">", 0]],
                                fields=["ref"])
        waits = []
        for i, p in enumerate(partners[:singles]):
            sandbox.call("res.partner", "write", [p["id"]], {"name": f"One {i}"})
            waits.append(until(30, 0.005, lambda: sandbox.nav_name(p["ref"]) == f"One {i}"))
        rest = partners[singles:]
        begin = time.monotonic()
        for p in rest:
            sandbox.call("res.partner", "write", [p["id"]], {"name": f"All {p['ref']}"})
        wanted = {p["ref"]: f"All {p['ref']}" for p in rest}
        until(120, 0.5, lambda: wanted.items() <= sandbox.nav_names().items())
        took = time.monotonic() - begin
        hooks = fetch(sandbox.odoo + "/_sandbox/stats")["hooks"]
        engine.close()
    sandbox.close()
    print(f"W2 saved in Odoo, written in NAV (sandbox), counted from the answer to the save, which waits for the "
          f"hook: one at a time {1000 * statistics.median(waits):.0f} ms "
          f"median, {1000 * max(waits):.0f} ms longest; {len(rest)} in a row {len(rest) / took:.0f} a second; "
          f"hooks {hooks}")


def main():
    script, engine = plain(), accept()
    print(f"ratios: navodoo / plain receiver {engine[0] / script[0]:.2f} at 64 connections, "
          f"{engine[1] / script[1]:.2f} at 8")
    through()


if __name__ == "__main__":
    main()
