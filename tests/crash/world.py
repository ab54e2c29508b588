"""A sandbox and an engine as real processes, and the one comparison that matters.

Records are counted by the source's own key (the NAV No., which the flow writes into
the partner's reference) from dumps of both systems, never by navodoo's own keys.
"""
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request


class World:
    def __init__(self, navodoo, customers, seed=1, partners=0, version=19, args=()):
        self.navodoo = navodoo
        self.work = tempfile.TemporaryDirectory(prefix="navodoo-test-")
        self.state = os.path.join(self.work.name, "state")
        self.log = open(os.path.join(self.work.name, "log"), "wb")
        self.sandbox = subprocess.Popen(
            [navodoo, "sandbox", "--nav", "127.0.0.1:0", "--odoo", "127.0.0.1:0",
             "--customers", str(customers), "--seed", str(seed), "--partners", str(partners),
             "--odoo-version", str(version), *args],
            stdout=subprocess.PIPE, stderr=self.log)
        self.url = {}
        for _ in range(2):
            line = self.sandbox.stdout.readline().decode()
            side, url = line.split()
            self.url[side] = url
        self.there_before = {p["id"] for p in self.partners()}

    def close(self):
        self.sandbox.terminate()
        self.sandbox.wait()
        self.log.close()
        self.work.cleanup()

    def http(self, side, method, path, body=None):
        request = urllib.request.Request(
            self.url[side] + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read() or b"null")

    def faults(self, side, rules, seed=1):
        self.http(side, "POST", "/_sandbox/faults", {"seed": seed, "rules": rules})

    def calm(self):
        for side in ("nav", "odoo"):
            self.http(side, "DELETE", "/_sandbox/faults")

    def engine(self, *args, failpoint=None, settings=(), flows="flows/", once=True, output=subprocess.PIPE):
        """Starts `navodoo run flows/ --once` against the sandbox."""
        env = dict(os.environ)
        env.pop("NAVODOO_FAILPOINT", None)
        if failpoint:
            env["NAVODOO_FAILPOINT"] = failpoint
        command = [self.navodoo, "run", flows, *(["--once"] if once else []), "--state", self.state,
                   "--set", f"nav.url={self.url['nav']}/DynamicsNAV110/ODataV4",
                   "--set", f"odoo.url={self.url['odoo']}", *args]
        for s in settings:
            command += ["--set", s]
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env)

    def run(self, *args, expect=(0, 3), **kw):
        """Runs the engine to its end; returns what it printed."""
        process = self.engine(*args, **kw)
        out = process.communicate(timeout=600)[0].decode()
        if process.returncode not in expect:
            raise AssertionError(f"engine ended with {process.returncode}:\n{out[-3000:]}")
        return out

    def kill_after(self, seconds, **kw):
        """Starts the engine and kills it; True when the kill was what ended it."""
        process = self.engine(**kw)
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        return process.returncode == -signal.SIGKILL

    def command(self, *args):
        out = subprocess.run([self.navodoo, *args, "--state", self.state, "--json"],
                             capture_output=True, check=True).stdout
        return json.loads(out)

    def customers(self):
        return self.http("nav", "GET", "/_sandbox/dump?table=Customer")["Customer"]

    def partners(self):
        return self.http("odoo", "GET", "/_sandbox/dump?table=res.partner")["res.partner"]

    def odoo_rows(self):
        """All partners, with what tells whose they are."""
        return self.partners()

    def odoo_edit(self, key, **fields):
        """A person writes a partner; without a key, makes one. Answers its id."""
        body = {"model": "res.partner", "fields": fields, **({"key": key} if key else {"insert": True})}
        return self.http("odoo", "POST", "/_sandbox/edit", body)["key"]

    def compare(self):
        """Counts by the source's key; returns (lost, doubled, parked, wrong). Partners that were
        there before keep their own spelling."""
        parked = {j["record"].rsplit("/", 1)[1]: j
                  for j in self.command("dead", "--limit", "1000000")["jobs"]
                  if j["flow"] == "customer" and j["direction"] == "nav_to_odoo"}
        seen = {}
        for p in self.partners():
            if p.get("ref"):
                seen.setdefault(p["ref"], []).append(p)
        lost, doubled, wrong = [], [], []
        for c in self.customers():
            found = seen.pop(c["No"], [])
            if not found and c["No"] not in parked:
                lost.append(c["No"])
            if len(found) > 1:
                doubled.append(c["No"])
            if not found or found[0]["id"] in self.there_before:
                continue
            if found[0]["name"] != c["Name"]:
                wrong.append(f"{c['No']}: name {found[0]['name']!r}, NAV has {c['Name']!r}")
            if (found[0]["city"] or "") != c["City"]:
                wrong.append(f"{c['No']}: city {found[0]['city']!r}, NAV has {c['City']!r}")
        wrong += [f"partner with reference {ref} has no customer" for ref in seen]
        return lost, doubled, parked, wrong


class Tally:
    """Counts claims and prints the closing line that tests/run.sh reads."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, problem):
        if problem:
            self.failed += 1
            print(f"FAILED: {name}: {problem}", flush=True)
        else:
            self.passed += 1
            print(f"ok: {name}", flush=True)

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def verdict(world):
    lost, doubled, _, wrong = world.compare()
    if lost or doubled or wrong:
        return f"{len(lost)} lost {lost[:5]}, {len(doubled)} doubled {doubled[:5]}, wrong {wrong[:3]}"
    return None


def failpoints(header="core/failpoint.h"):
    with open(header, encoding="utf-8") as f:
        return re.findall(r'X\("([\w.]+)"\)', f.read())


def seconds(begin):
    return f"{time.monotonic() - begin:.1f}s"
