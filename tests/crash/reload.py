"""Flows that change while they run: nothing lost, doubled, or done half by each version.

  reload.py NAVODOO DOUBLE [--records N] [--reloads N]

Good and bad versions of a flow follow each other during a load. Every version writes its
number into two fields of a record, and the journal says which version handled it: the
three must agree. Then: what a killed engine began is finished by the version that began
it; a file with a mistake changes nothing; going back; endpoints that open again.
"""
import argparse
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

from world import Tally, World

TOP = os.path.normpath(os.path.dirname(os.path.abspath(__file__)) + "/../..")
FLOW = '''local navodoo = require "navodoo"
local flow, map, lookup = navodoo.flow, navodoo.map, navodoo.lookup
local function version() return "v%d" end
return flow "customer" {
  nav = { read = "CustomerCard", key = "No", watch = { stamp = "Last_Date_Modified", every = "1s" } },
  odoo = { model = "res.partner", where = { { "customer_rank", ">", 0 } }, archived = true },
  link = { xmlid = "customer", unsure = "review" },
  fields = {
    { "No", "ref" },
    { "Name", "name", required = true },
    { "Name", "phone", get = version },
    { "Name", "city", get = version },
    { "Country_Region_Code", "country_id", lookup.country },
    { nil, "customer_rank", map.at_least(1) },
  },
}
'''
CLIENT = FLOW.replace('flow "customer"', 'flow "client"')
# name of what is wrong -> what makes it so
BAD = [
    ("a word that is none", lambda s: s.replace("map.at_least", "map.at_lest")),
    ("no Lua", lambda s: s.replace("fields = {", "fields = { {")),
    ("a field that Odoo has not", lambda s: s.replace('"phone"', '"phnoe"')),
    ("a field that NAV has not", lambda s: s.replace('"Name", "phone"', '"Nome", "phone"')),
]


class Project:
    """A folder of flows of our own, an engine on it, and what the engine logs."""

    def __init__(self, navodoo, urls, work, settings=()):
        self.navodoo, self.work = navodoo, work
        self.folder, self.state = os.path.join(work, "flows"), os.path.join(work, "state")
        os.makedirs(self.folder + "/lookups")
        shutil.copy(TOP + "/flows/navodoo.lua", self.folder)
        shutil.copy(TOP + "/flows/lookups/country.lua", self.folder + "/lookups")
        self.settings = [f"nav.url={urls['nav']}/DynamicsNAV110/ODataV4", f"odoo.url={urls['odoo']}", *settings]
        self.log, self.process, self.starts = None, None, 0

    def write(self, text, name="customer.lua"):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(path + ".new", path)

    def start(self, *args, failpoint=None):
        env = {k: v for k, v in os.environ.items() if k != "NAVODOO_FAILPOINT"}
        if failpoint:
            env["NAVODOO_FAILPOINT"] = failpoint
        self.starts += 1
        self.log_path = os.path.join(self.work, f"log{self.starts}")
        command = [self.navodoo, "run", self.folder, "--state", self.state, *args]
        for s in self.settings:
            command += ["--set", s]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=env)
        self.log = open(self.log_path, "rb")

    def events(self):
        """What was logged since the last call."""
        found = []
        while True:
            at = self.log.tell()
            line = self.log.readline()
            if not line.endswith(b"\n"):
                self.log.seek(at)
                return found
            if line.startswith(b"{"):
                found.append(json.loads(line))

    def hear(self, *texts, limit=30):
        """The first event that begins with one of the texts."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            for e in self.events():
                if e["text"].startswith(texts):
                    return e
            if self.process.poll() is not None:
                raise AssertionError(f"the engine ended with {self.process.returncode}; {open(self.log_path).read()[-2000:]}")
            time.sleep(0.003)
        raise AssertionError(f"{texts} not heard within {limit} s; {open(self.log_path).read()[-2000:]}")

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        if self.log:
            self.log.close()

    def command(self, *args, fails=False):
        done = subprocess.run([self.navodoo, *args, "--state", self.state, "--json"], capture_output=True, check=False)
        if fails:
            return done.returncode, done.stderr.decode()
        if done.returncode:
            raise AssertionError(f"{args}: {done.stderr.decode()}")
        return json.loads(done.stdout)

    def flow(self):
        return self.command("status")["flows"][0]

    def drained(self, records, limit=600):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            f = self.flow()
            if f["links"] == records and not f["jobs"].get("ready"):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.3)
        raise AssertionError(f"not done within {limit} s: {f['links']} linked, {f['jobs']}; "
                             + open(self.log_path).read()[-1500:])

    def resident(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) / 1024

    def journal(self):
        """Newest row of every record: (outcome, number of the version that handled it), and their count."""
        with sqlite3.connect(f"file:{self.state}/navodoo.db?mode=ro", uri=True) as db:
            number = {row[0]: int(re.search(r'return "v(\d+)"', row[1]).group(1))
                      for row in db.execute("SELECT id, source FROM generations")}
            rows, latest = 0, {}
            for record, outcome, generation in db.execute(
                    "SELECT record, outcome, generation FROM journal ORDER BY id"):
                latest[record.rsplit("/", 1)[1]] = (outcome, number.get(generation))
                rows += 1
        return latest, rows, len(number)


def double(program, records):
    process = subprocess.Popen([program, "--port", "0", "--customers", str(records)], stdout=subprocess.PIPE)
    base = process.stdout.readline().decode().split()[-1]
    return process, base


def partners_of(base):
    """All partners of the double, by its own protocol."""
    found, last = [], 0
    while True:
        body = {"jsonrpc": "2.0", "method": "call", "params": {
            "service": "object", "method": "execute_kw", "args": [
                "d", 2, "x", "res.partner", "search_read", [],
                {"domain": [["id", ">", last]], "fields": ["ref", "name", "phone", "city"], "limit": 1000,
                 "order": "id"}]}}
        request = urllib.request.Request(base + "/jsonrpc", data=json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            page = json.loads(answer.read())["result"]
        found += page
        if len(page) < 1000:
            return found
        last = page[-1]["id"]


def compare(project, partners, records):
    """What is lost, double, or of two versions; counted by the source's own key."""
    seen, halves, strangers = {}, [], []
    latest, rows, versions = project.journal()
    for p in partners:
        if not p["ref"]:
            continue
        seen[p["ref"]] = seen.get(p["ref"], 0) + 1
        outcome, number = latest.get(p["ref"], (None, None))
        if p["phone"] != p["city"]:
            halves.append((p["ref"], p["phone"], p["city"]))
        elif p["phone"] != f"v{number}":
            strangers.append((p["ref"], p["phone"], outcome, number))
    doubled = [ref for ref, n in seen.items() if n > 1]
    problem = None
    if len(seen) != records or doubled or halves or strangers:
        problem = (f"{records - len(seen)} lost, {len(doubled)} doubled {doubled[:3]}, {len(halves)} of two "
                   f"versions {halves[:3]}, {len(strangers)} not of the journal's {strangers[:3]}")
    return problem, rows, versions


def during_a_load(navodoo, program, tally, records, reloads):
    process, base = double(program, records)
    with tempfile.TemporaryDirectory(prefix="navodoo-reload-") as work:
        project = Project(navodoo, {"nav": base, "odoo": base}, work, ("odoo.database=d", "odoo.batch=100"))
        good, bad, took, early, problem, rounds = 0, 0, [], 0, None, 0
        begin = time.monotonic()
        try:
            project.write(FLOW % 0)
            project.start()
            project.hear("flow runs")
            for i in range(1, reloads + 1):
                text = FLOW % i
                is_bad = i % 3 == 0
                if is_bad:
                    text = BAD[i // 3 % len(BAD)][1](text)
                project.write(text)
                project.hang_up()
                e = project.hear("flow reloaded", "file is not taken", limit=120)
                if is_bad != e["text"].startswith("file is not taken"):
                    raise AssertionError(f"version {i} ({'bad' if is_bad else 'good'}): {e}")
                if is_bad:
                    bad += 1
                else:
                    good += 1
                    took.append(e["ms"])
                if i % 25 == 0:  # never without work: what is done changes again
                    f = project.flow()
                    if i == 25 * (reloads // 100 + 1):
                        early = project.resident()
                    if f["links"] == records and not f["jobs"].get("ready"):
                        rounds += 1
                        urllib.request.urlopen(urllib.request.Request(
                            f"{base}/change?every=1&stamp=2031-01-{rounds % 28 + 1:02d}", method="POST")).read()
            late = project.resident()
            seconds = time.monotonic() - begin
            project.drained(records)
            problem, rows, versions = compare(project, partners_of(base), records)
            problem = problem or project.flow()["jobs"] and f"jobs are left: {project.flow()['jobs']}"
            took.sort()
            print(f"{good} good and {bad} bad reloads in {seconds:.1f} s, during {rows:,} runs of {records:,} records "
                  f"by {versions} stored versions; ready after {took[len(took) // 2]} ms (median), "
                  f"{took[len(took) * 99 // 100]} ms (p99); resident {early:.1f} MiB early, {late:.1f} MiB late")
            if not problem and late > early + 24:
                problem = f"memory grows: {early:.1f} MiB early, {late:.1f} MiB late"
        except Exception as e:  # a test that cannot run has failed
            problem = repr(e)
        finally:
            project.stop()
            process.kill()
            process.wait()
    tally.check(f"{reloads} reloads, good and bad, during a load of {records}", problem)


def taken_over(project, flow, number, limit=30):
    """Waits until a version runs; what it replaces has ended then."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        with sqlite3.connect(f"file:{project.state}/navodoo.db?mode=ro", uri=True) as db:
            rows = db.execute("SELECT hash FROM generations WHERE flow = ? AND source LIKE ? AND ran IS NOT NULL",
                              (flow, f'%return "v{number}"%')).fetchall()
        running = [g["hash"] for g in project.command("generations", "--flow", flow)["generations"]
                   if g["state"] == "running"]
        if rows and rows[0][0] in running:
            return
        time.sleep(0.05)
    raise AssertionError(f"version {number} of {flow} does not run; {open(project.log_path).read()[-2000:]}")


def races(navodoo, program, tally, records):
    """What a person, an editor or an init system may do at the wrong moment of a first load."""
    process, base = double(program, records)
    problems = []
    with tempfile.TemporaryDirectory(prefix="navodoo-races-") as work:
        project = Project(navodoo, {"nav": base, "odoo": base}, work, ("odoo.database=d", "odoo.batch=25",
                                                                      "nav.page_size=50"))

        def whole(what):
            """All that was begun is done, and by one version each."""
            project.drained(records, limit=120)
            problem, _, _ = compare(project, partners_of(base), records)
            expect(problems, f"{what}: {problem}", not problem)

        try:
            project.write(FLOW % 1)
            project.start()
            project.hear("flow runs")
            # a flow that is gone and there again: its old life still writes
            project.write(CLIENT % 2)
            project.hang_up()
            project.hear("flow is gone")
            project.write(FLOW % 2)
            project.hang_up()
            taken_over(project, "customer", 2)
            # two within a moment; the second does not fit Odoo, and what runs stays
            before = project.flow()["generation"]["hash"]
            project.write(FLOW % 3)
            project.hang_up()
            project.write(BAD[2][1](FLOW % 4))
            project.hang_up()
            e = project.hear("flow reloaded", "file is not taken")
            if e["text"].startswith("flow reloaded"):  # the first was quick enough
                before = e["generation"]
                project.hear("file is not taken")
            expect(problems, "of two changes a bad one is last", project.flow()["generation"]["hash"] == before)
            listed = {g["hash"]: g for g in project.command("generations", "--flow", "customer")["generations"]}
            expect(problems, f"and nothing of it is left: {listed}", all(g["state"] != "new" for g in listed.values()))
            back = project.command("rollback", "customer")
            expect(problems, f"back to one that ran: {back}", back["hash"] in listed and back["hash"] != before)
            project.write(FLOW % 5)
            project.hang_up()
            project.hear("flow reloaded")
            # the flow gets another name, while lots of the old one are under way
            project.write(CLIENT % 6)
            project.hang_up()
            taken_over(project, "client", 6)
            whole("another name")
            # the end, while one life hands over to the next
            urllib.request.urlopen(urllib.request.Request(
                f"{base}/change?every=1&stamp=2031-02-01", method="POST")).read()
            time.sleep(1.2)
            project.write(CLIENT % 7)
            project.hang_up()
            time.sleep(0.02)
            begin = time.monotonic()
            project.process.terminate()
            code = project.process.wait(30)
            expect(problems, f"stopped in the middle: {code} after {time.monotonic() - begin:.1f} s",
                   code == 0 and time.monotonic() - begin < 9)
            project.start()
            project.hear("flow runs")
            whole("after a stop in the middle")
        except Exception as e:  # a test that cannot run has failed
            problems.append(repr(e))
        finally:
            project.stop()
            process.kill()
            process.wait()
    tally.check("changes at the wrong moment of a first load", "; ".join(problems) or None)


def world_of(navodoo, customers, settings=()):
    world = World(navodoo, customers=customers, seed=3)
    return world, Project(navodoo, world.url, world.work.name, settings)


def after_a_kill(navodoo, tally, broken):
    """An effect that an old version intended is finished by that version, or by a person."""
    world, project = world_of(navodoo, 30, ("odoo.batch=10",))
    problem = None
    try:
        project.write(FLOW % 1)
        project.start("--once", failpoint="effect.after_intend:2")
        project.process.wait(60)
        if project.process.returncode != -signal.SIGKILL:
            raise AssertionError(f"was not killed: {project.process.returncode}")
        pinned = [g for g in project.command("generations")["generations"] if g["pinned"]]
        if not pinned or pinned[0]["state"] != "stored":
            raise AssertionError(f"no job is pinned: {project.command('generations')}")
        began = pinned[0]["pinned"]
        if broken:
            with sqlite3.connect(project.state + "/navodoo.db") as db:
                db.execute("UPDATE generations SET source = replace(source, 'map.at_least', 'map.was_there_once')")
        project.write(FLOW % 2)
        if not broken:  # what a version gives up is left to the present one, within the same run
            lost = {"ids": False, "messages": [{"type": "error", "record": 0, "rows": {"from": 0, "to": 0},
                                                "message": "could not serialize access due to concurrent update"}]}
            world.faults("odoo", [{"match": "POST /jsonrpc", "contains": '"load",', "kind": "status", "status": 200,
                                   "content_type": "application/json", "times": 5,
                                   "answer": json.dumps({"jsonrpc": "2.0", "id": None, "result": lost})}], seed=1)
        project.start("--once")
        project.process.wait(60)
        latest, _, _ = project.journal()
        by = {}
        for outcome, number in latest.values():
            by.setdefault((outcome, number), 0)
            by[(outcome, number)] += 1
        reviews = project.command("dead")["jobs"]
        if broken:
            if project.process.returncode != 3 or by.get(("review", 1)) != began or len(reviews) != began:
                problem = f"exit {project.process.returncode}, {by}, {began} pinned"
            elif "version that began" not in reviews[0]["why"] or "was_there_once" not in reviews[0]["why"]:
                problem = reviews[0]["why"]
            else:  # a person looked: the present version writes them
                project.command("dead", "retry", "--all")
                project.start("--once")
                project.process.wait(60)
        for p in world.partners():
            if p.get("ref") and (p["phone"] != p["city"] or not broken and p["phone"] != f"v{latest[p['ref']][1]}"):
                problem = problem or f"{p['ref']}: {p['phone']} {p['city']} {latest[p['ref']]}"
        refs = [p["ref"] for p in world.partners() if p.get("ref")]
        if len(refs) != 30 or len(set(refs)) != 30:
            problem = problem or f"{len(refs)} partners of 30, {len(set(refs))} different"
        if not broken and project.process.returncode != 0:
            problem = problem or f"exit {project.process.returncode}, {began} were begun by version 1: {by}"
    except Exception as e:
        problem = repr(e)
    finally:
        project.stop()
        world.close()
    tally.check("what a killed engine began " + ("goes to review when its version no longer compiles"
                if broken else "is finished by the version that began it"), problem)


def expect(problems, what, is_so):
    if not is_so:
        problems.append(what)


def by_hand(navodoo, tally):
    """A person edits, makes mistakes, goes back, and restarts."""
    world, project = world_of(navodoo, 20)
    problems = []
    try:
        project.write(FLOW % 1)
        project.write('return { AA = "DE" }', "lookups/unused.lua")
        project.start()
        project.hear("flow runs")
        first = project.flow()["generation"]["hash"]

        project.write(FLOW % 2)  # the watch sees it, without a signal
        expect(problems, "the watch", project.hear("flow reloaded")["generation"] != first)
        second = project.flow()["generation"]["hash"]

        project.write((FLOW % 3).replace("map.at_least", "map.at_lest"))
        project.hear("file is not taken")
        status = project.command("status")
        refused = status["refused"]
        line = (FLOW % 3).split("map.at_least")[0].count("\n") + 1
        expect(problems, f"status names file and line: {refused}",
               len(refused) == 1 and f"customer.lua:{line}: there is no map.at_lest" in refused[0]["text"])
        expect(problems, "the old version stays", project.flow()["generation"]["hash"] == second)

        project.write(FLOW % 2)  # as it was: nothing is opened, nothing is refused
        time.sleep(0.6)
        expect(problems, f"quiet: {project.events()}", not project.events() and not project.command("status")["refused"])
        project.write('return { AA = "FR" }', "lookups/unused.lua")
        project.hang_up()
        time.sleep(0.4)
        expect(problems, "a lookup that nobody names", not project.events())
        project.write('return { UK = "GB", EL = "GR" }', "lookups/country.lua")
        project.hang_up()
        third = project.hear("flow reloaded")["generation"]

        config = open(project.folder + "/navodoo.lua", encoding="utf-8").read()
        project.write(config.replace("batch = 200", "batch = 150"), "navodoo.lua")
        project.hang_up()
        e = project.hear("flow reloaded")
        expect(problems, f"endpoints only: {e}", e["cause"] == "endpoints" and e["generation"] == e["before"] == third)
        project.write(config.replace("batch = 200", "batch = 'x'"), "navodoo.lua")
        project.hang_up()
        project.hear("file is not taken")
        expect(problems, "a bad configuration", "navodoo.lua:" in project.command("status")["refused"][0]["text"])
        project.write(config, "navodoo.lua")
        project.hang_up()
        project.hear("flow reloaded")

        back = project.command("rollback", "customer", first[:6])
        expect(problems, f"back: {back}", back["hash"] == first and project.flow()["generation"]["cause"] == "rollback")
        project.hang_up()
        time.sleep(0.4)
        expect(problems, "a look keeps it", project.flow()["generation"]["hash"] == first)
        project.stop()
        listed = {g["hash"]: g for g in project.command("generations")["generations"]}
        expect(problems, f"stored: {listed.keys()}", {first, second, third} <= listed.keys())
        project.start()
        project.hear("flow runs")
        expect(problems, "a restart keeps it", project.flow()["generation"]["hash"] == first)
        project.write(FLOW % 4)
        expect(problems, "until the file changes", project.hear("flow reloaded")["before"] == first)
        code, text = project.command("rollback", "customer", "zzz", fails=True)
        expect(problems, f"no such version: {text}", code == 1 and "has no version zzz" in text)
        os.remove(project.folder + "/customer.lua")
        project.write(CLIENT % 5, "client.lua")
        taken_over(project, "client", 5)
        names = [f["flow"] for f in project.command("status")["flows"] if f.get("generation")]
        expect(problems, f"another flow: {names}", names == ["client"])
    except Exception as e:
        problems.append(repr(e))
    finally:
        project.stop()
        world.close()
    tally.check("edits, mistakes, going back, endpoints", "; ".join(problems) or None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("navodoo")
    parser.add_argument("double")
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--reloads", type=int, default=60)
    a = parser.parse_args()
    tally = Tally()
    by_hand(a.navodoo, tally)
    after_a_kill(a.navodoo, tally, broken=False)
    after_a_kill(a.navodoo, tally, broken=True)
    races(a.navodoo, a.double, tally, 4000)
    during_a_load(a.navodoo, a.double, tally, a.records, a.reloads)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
