#!/usr/bin/env python3
"""What an engine shows of itself, read by clients that we did not write: the parser of Prometheus,
urllib, an HTTP server and a program that take alerts. usage: monitor.py NAVODOO [RECORDS DOUBLE]
With the double of tests/bench for both systems it can be 50,000 records and more.
"""
import http.server
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

TOKEN = "the-token-of-the-monitor-4711"
OTHER_TOKEN = "another-token-of-it-4712"
ALERT_TOKEN = "the-token-of-the-alerts-0815"

FLOW = """local navodoo = require "navodoo"
local rule = navodoo.rule
return navodoo.flow "customer" {
  nav  = { read = "CustomerCard", write = "CustomerCard", key = "No",
           watch = { stamp = "Last_Date_Modified", every = "1s" } },
  odoo = { model = "res.partner" },
  link = { xmlid = "customer" },
  fields = { { "No", "ref" }, { "Name", "name" }, { "City", "city" } },
  rules = { %s },
}
"""
# three causes that every record has one of
RULES = ", ".join('rule "cause %s" { "No", check = function(no) return tonumber(no:match "%%d+") %% 3 ~= %d, "no luck" end }' % (n, i)
                  for i, n in enumerate("abc"))
CONFIG = """local secret = require "navodoo".secret
return {
  monitor = { token = secret "MONITOR_TOKEN" },
  environments = { dev = {
    alerts = { quiet = "2s", timeout = "5s", command = { "%s", "--team", "a b; $(false)" },
               webhook = { url = "http://127.0.0.1:%d/alerts", token = secret "ALERT_TOKEN" } },
    nav  = { kind = "nav", url = "%s/DynamicsNAV110/ODataV4", company = "CRONUS International Ltd.",
             user = "navodoo", password = secret "NAV_PASSWORD" { default = "sandbox" }, settle = "1s" },
    odoo = { kind = "odoo", url = "%s", database = "sandbox", user = "navodoo@example.com", settle = "1s",
             password = secret "ODOO_PASSWORD" { default = "sandbox" } } } } }
"""

passed = failed = 0


def check(name, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED: %s: %s" % (name, str(detail)[-1500:]))


def wait_for(what, seconds=30):
    until = time.time() + seconds
    while time.time() < until:
        value = what()
        if value:
            return value
        time.sleep(0.2)
    return what()


def fetch(url, headers=None, method="GET"):
    request = urllib.request.Request(url, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode(), refused.headers


class Receiver(http.server.BaseHTTPRequestHandler):
    taken, refuse = [], 0

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if Receiver.refuse > 0:
            Receiver.refuse -= 1
            self.send_response(503)
        else:
            Receiver.taken.append((body, self.headers["Authorization"], self.headers["Idempotency-Key"]))
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class World:
    def __init__(self, program, customers, double=None):
        self.program = program
        self.folder = tempfile.TemporaryDirectory(prefix="navodoo-monitor-")
        self.path = self.folder.name
        self.log = open(self.path + "/log", "wb")
        systems = [double, "--port", "0"] if double else [program, "sandbox", "--nav", "127.0.0.1:0",
                                                          "--odoo", "127.0.0.1:0"]
        self.sandbox = subprocess.Popen([*systems, "--customers", str(customers)],
                                        stdout=subprocess.PIPE, stderr=self.log)
        said = [self.sandbox.stdout.readline().decode().split()[-1] for _ in range(1 if double else 2)]
        url = {"nav": said[0], "odoo": said[-1]}
        self.receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=self.receiver.serve_forever, daemon=True).start()
        self.script = self.path + "/page.sh"
        with open(self.script, "w", encoding="ascii") as f:
            f.write('#!/bin/sh\nprintf "%%s|" "$@" >>%s/paged\ncat >>%s/paged\nls /proc/$$/fd >%s/fds\nenv >%s/env\n'
                    % ((self.path,) * 4))
        os.chmod(self.script, stat.S_IRWXU)
        os.mkdir(self.path + "/flows")
        self.write("navodoo.lua", CONFIG % (self.script, self.receiver.server_port, url["nav"], url["odoo"]))

    def write(self, name, text):
        with open("%s/flows/%s" % (self.path, name), "w", encoding="utf-8") as f:
            f.write(text)

    def start(self, *options):
        env = dict(os.environ, NAVODOO_MONITOR_TOKEN=TOKEN, NAVODOO_OTHER_TOKEN=OTHER_TOKEN, NAVODOO_ALERT_TOKEN=ALERT_TOKEN)
        self.engine = subprocess.Popen(
            [self.program, "run", "flows", "--state", "state", *options], cwd=self.path, env=env,
            stdout=self.log, stderr=self.log)

    def port(self, option):
        found = wait_for(lambda: re.search('"option":"%s","port":([0-9]+)' % option, self.read("log")) or
                         re.search('"port":([0-9]+)[^\n]*"option":"%s"' % option, self.read("log")))
        return int(found.group(1))

    def read(self, name):
        try:
            with open(self.path + "/" + name, encoding="utf-8") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def stop(self, how=signal.SIGTERM):
        self.engine.send_signal(how)
        self.engine.wait(30)

    def close(self):
        for process in (self.engine, self.sandbox):
            process.terminate()
            process.wait(30)
        self.receiver.shutdown()
        self.log.close()
        self.folder.cleanup()


def families(text):
    return {f.name: f for f in text_string_to_metric_families(text)}


def value(found, name, **labels):
    return sum(s.value for f in found.values() for s in f.samples if s.name == name and
               all(s.labels.get(k) == v for k, v in labels.items()))


def check_metrics(base, records):
    status, text, headers = fetch(base + "metrics")
    check("/metrics answers in the format of version 0.0.4",
          status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", headers)
    found = families(text)
    check("a parser that is not ours reads all of it", len(found) > 30, sorted(found))
    check("no sample is there twice",
          len({(s.name, tuple(sorted(s.labels.items()))) for f in found.values() for s in f.samples}) ==
          sum(len(f.samples) for f in found.values()))
    check("every family has help and a type", all(f.documentation and f.type != "unknown" for f in found.values()))
    check("jobs are counted by state", value(found, "navodoo_jobs", flow="customer", state="dead") == records, text)
    check("outcomes are counted", value(found, "navodoo_outcomes_total", outcome="dead") == records)
    check("groups are three", value(found, "navodoo_parked_groups", flow="customer", state="dead") == 3)
    check("calls are timed", value(found, "navodoo_endpoint_call_seconds_count", endpoint="nav") > 0)
    for f in found.values():
        if f.type == "histogram":
            by_labels = {}
            for s in f.samples:
                key = tuple(sorted((k, v) for k, v in s.labels.items() if k != "le"))
                by_labels.setdefault(key, {}).setdefault(s.name[len(f.name):], []).append(s)
            for parts in by_labels.values():
                buckets = [s.value for s in parts["_bucket"]]
                check("buckets of %s grow and end with the count" % f.name,
                      buckets == sorted(buckets) and buckets[-1] == parts["_count"][0].value)
    check("memory and commits are there", value(found, "process_resident_memory_bytes") > 1e6 and
          value(found, "navodoo_store_commit_seconds_count") > 0 and
          value(found, "navodoo_lua_memory_bytes", state="customer") > 1e5)
    took = sorted(timed(base + "metrics") for _ in range(20))
    print("scrape with %d dead letters: %.1f ms median of 20, %.1f ms longest" %
          (records, took[10] * 1000, took[-1] * 1000))
    check("a scrape is quick", took[10] < 0.1, took)


def timed(url):
    began = time.monotonic()
    fetch(url)
    return time.monotonic() - began


def check_access(base, port):
    check("a name from elsewhere is not let in", fetch(base + "metrics", {"Host": "evil.example.com"})[0] == 401)
    check("the token is", fetch(base + "metrics", {"Host": "x.example.com", "Authorization": "Bearer " + TOKEN})[0] == 200)
    status, page, headers = fetch(base)
    check("the page is HTML, and loads nothing", status == 200 and page.startswith("<!doctype html>") and
          "default-src 'none'" in headers["Content-Security-Policy"] and "<script" not in page, page)
    check("the page names a group, its way out and the command", "navodoo dead list --group" in page, page)
    hooks = "http://127.0.0.1:%d/" % port
    check("the other listener shows nothing", fetch(hooks + "metrics")[0] == 404 and fetch(hooks)[0] == 404)
    check("but whether it is alive", json.loads(fetch(hooks + "healthz")[1]) == {"alive": True})


def check_other_token(w, base):
    """Another token in navodoo.lua takes its place in the running engine; a broken file is on the page."""
    def with_token(token):
        return fetch(base + "status", {"Host": "x.example.com", "Authorization": "Bearer " + token})[0]
    before = w.read("flows/navodoo.lua")
    w.write("navodoo.lua", before.replace('"MONITOR_TOKEN"', '"OTHER_TOKEN"'))
    w.engine.send_signal(signal.SIGHUP)
    check("another token is let in", wait_for(lambda: with_token(OTHER_TOKEN) == 200), w.read("log")[-2000:])
    check("and the one before is not", with_token(TOKEN) == 401)
    w.write("navodoo.lua", before + "}")
    w.engine.send_signal(signal.SIGHUP)
    check("a file that is not taken is on the page", wait_for(lambda: "navodoo.lua is not taken" in fetch(base)[1]))
    w.write("navodoo.lua", before)
    w.engine.send_signal(signal.SIGHUP)
    check("until it is mended", wait_for(lambda: "is not taken" not in fetch(base)[1] and with_token(TOKEN) == 200))


def subjects(event):
    return sorted(b["subject"] for b, _, _ in Receiver.taken if b["event"] == event and b["kind"] == "group")


def main(program, records=300, double=None):
    records = int(records)
    w = World(program, records, double)
    try:
        w.write("customer.lua", FLOW % RULES)
        Receiver.refuse = 2
        w.start("--listen", "127.0.0.1:0", "--monitor", "127.0.0.1:0")
        base = "http://127.0.0.1:%d/" % w.port("monitor")
        check("alive", wait_for(lambda: fetch(base + "healthz")[0] == 200))
        check("ready", wait_for(lambda: fetch(base + "readyz")[0] == 200), fetch(base + "readyz")[1])
        done = wait_for(lambda: value(families(fetch(base + "metrics")[1]), "navodoo_jobs", state="dead") == records, 300)
        check("every record failed", done, w.read("log"))
        check("three alerts open, though the receiver refused twice", wait_for(lambda: len(subjects("open")) == 3),
              Receiver.taken)
        wait_for(lambda: w.read("paged").count("{") == 3)
        check_metrics(base, records)
        check_access(base, w.port("listen"))
        check_other_token(w, base)
        check("they carry the token and their id",
              all(t == "Bearer " + ALERT_TOKEN and k == b["id"] for b, t, k in Receiver.taken))
        paged = w.read("paged")
        check("the program got arguments as they are", paged.startswith("--team|a b; $(false)|open|group|customer/"), paged)
        check("and nothing of ours", TOKEN not in w.read("env") and set(w.read("fds").split()) <= {"0", "1", "2", "10", "11"}, # the script is two
              w.read("fds") + w.read("env"))
        w.stop(signal.SIGKILL)
        w.write("customer.lua", FLOW % "")
        w.start("--monitor", "127.0.0.1:0")
        time.sleep(4)
        check("after a kill nobody is told twice", len(subjects("open")) == 3, Receiver.taken)
        again = subprocess.run([program, "dead", "retry", "--all", "--state", "state"], cwd=w.path, check=False,
                               capture_output=True)
        check("all are tried again", again.returncode == 0, str(again) + w.read("log"))
        check("three alerts are over", wait_for(lambda: len(subjects("close")) == 3, 300), w.read("log"))
        time.sleep(3)
        ids = [b["id"] for b, _, _ in Receiver.taken]
        check("exactly three to open and three to close", subjects("open") == subjects("close") and
              len(set(subjects("open"))) == 3 and len(subjects("open")) == 3 and len(ids) == len(set(ids)), Receiver.taken)
        check("no secret in log or alerts", TOKEN not in w.read("log") and ALERT_TOKEN not in w.read("log")
              and TOKEN not in str([b for b, _, _ in Receiver.taken]) + w.read("paged"))
        w.stop()
        outside = subprocess.run([program, "run", "flows", "--state", "state", "--monitor", "0.0.0.0:0"], cwd=w.path,
                                 env={k: v for k, v in os.environ.items()}, capture_output=True, timeout=60, check=False)
        check("a token that is not to be found is told", outside.returncode == 2 and b"ALERT_TOKEN" in outside.stderr,
              outside)
        w.write("navodoo.lua", w.read("flows/navodoo.lua").replace('monitor = { token = secret "MONITOR_TOKEN" },', ""))
        outside = subprocess.run([program, "run", "flows", "--state", "state", "--monitor", "0.0.0.0:0"], cwd=w.path,
                                 env=dict(os.environ, NAVODOO_ALERT_TOKEN=ALERT_TOKEN), capture_output=True, timeout=60,
                                 check=False)
        check("without a token nobody listens to the world", outside.returncode == 2 and
              b"can be reached from outside" in outside.stderr, outside)
    finally:
        w.close()
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), *sys.argv[2:]))
