#!/usr/bin/env python3
"""Webhooks from end to end: rules made in the sandbox's Odoo by `navodoo hooks`, a person
edits there, Odoo posts, the engine has the job on disk. usage: hooks.py NAVODOO
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

LIMIT = 30
MASTER = "the-master-secret-of-the-hooks"

FLOW = """local navodoo = require "navodoo"
return navodoo.flow "customer" {
  nav  = { read = "CustomerCard", write = "CustomerCard", key = "No",
           watch = { stamp = "Last_Date_Modified", every = "1h" } },
  odoo = { model = "res.partner", watch = { hook = "partner", every = "1h" } },
  link = { xmlid = "customer" },
  fields = { { "No", "ref", owner = "nav" }, { "Name", "name" }, { "E_Mail", "email" } },
}
"""
CONFIG = """local secret = require "navodoo".secret
return { environments = { dev = {
  nav  = { kind = "nav", url = "%s/DynamicsNAV110/ODataV4", company = "CRONUS International Ltd.",
           user = "navodoo", password = secret "NAV_PASSWORD" { default = "sandbox" }, settle = "1s" },
  odoo = { kind = "odoo", url = "%s", database = "sandbox", user = "navodoo@example.com", settle = "1s",
           password = secret "ODOO_PASSWORD" { default = "sandbox" }, hook_url = "http://127.0.0.1:%d",
           hook_secret = secret "HOOK_SECRET" } } } }
"""

passed = failed = 0


def check(name, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED: %s: %s" % (name, detail))


def fetch(url, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


class World:
    def __init__(self, program, version=19):
        self.program = os.path.abspath(program)
        self.work = tempfile.TemporaryDirectory(prefix="navodoo-hooks-")
        self.sandbox = subprocess.Popen(
            [self.program, "sandbox", "--nav", ":0", "--odoo", ":0", "--customers", "5", "--odoo-version",
             str(version)], stdout=subprocess.PIPE, text=True)
        self.nav = self.sandbox.stdout.readline().split()[1]
        self.odoo = self.sandbox.stdout.readline().split()[1]
        self.flows = os.path.join(self.work.name, "flows")
        self.state = os.path.join(self.work.name, "state")
        self.env = dict(os.environ, NAVODOO_HOOK_SECRET=MASTER)
        self.engine = None
        self.log = os.path.join(self.work.name, "log")
        os.mkdir(self.flows)
        self.write("customer.lua", FLOW)
        self.configure(1)

    def configure(self, port):
        self.write("navodoo.lua", CONFIG % (self.nav, self.odoo, port))

    def write(self, name, text):
        with open(os.path.join(self.flows, name), "w", encoding="utf-8") as f:
            f.write(text)

    def close(self):
        for process in (self.engine, self.sandbox):
            if process:
                process.send_signal(signal.SIGTERM)
                code = process.wait(LIMIT)
                check("ends in order", code == 0, "exit code %s" % code)
        self.work.cleanup()

    def run(self, *words):
        p = subprocess.run([self.program, *words, "--flows", self.flows], capture_output=True, text=True,
                           timeout=LIMIT, env=self.env)
        return p.returncode, p.stdout, p.stderr

    def start(self):
        """Starts the engine on a free port and answers the port."""
        with open(self.log, "ab") as log:
            self.engine = subprocess.Popen(
                [self.program, "run", self.flows, "--state", self.state, "--listen", "127.0.0.1:0"],
                stderr=log, env=self.env)
        for _ in range(100):
            text = self.read_log()
            found = re.search(r'"port":(\d+)', text)
            if found and "flow runs" in text:
                return int(found.group(1))
            time.sleep(0.1)
        raise AssertionError("the engine does not listen:\n" + self.read_log())

    def read_log(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def rpc(self, model, method, *args, **kwargs):
        _, body = fetch(self.odoo + "/jsonrpc", {"jsonrpc": "2.0", "id": 1, "params": {
            "service": "object", "method": "execute_kw",
            "args": ["sandbox", self.uid(), "sandbox", model, method, list(args), kwargs]}})
        answer = json.loads(body)
        if "error" in answer:
            raise AssertionError(answer["error"]["data"]["message"])
        return answer.get("result")

    def uid(self):
        _, body = fetch(self.odoo + "/jsonrpc", {"jsonrpc": "2.0", "id": 1, "params": {
            "service": "common", "method": "login", "args": ["sandbox", "navodoo@example.com", "sandbox"]}})
        return json.loads(body)["result"]

    def hooks(self):
        _, body = fetch(self.odoo + "/_sandbox/stats")
        return json.loads(body).get("hooks", {})


def rules_come_and_go(w):
    code, out, _ = w.run("hooks", "check", "customer")
    check("check tells that there is nothing", code == 1 and out.count("it is not there") == 2, out)
    w.rpc("base.automation", "create", {
        "name": "somebody else's", "trigger": "on_create",
        "model_id": w.rpc("ir.model", "search", [["model", "=", "res.partner"]])[0]})
    for _ in range(2):
        code, out, err = w.run("hooks", "install", "customer")
        check("install makes the rules, however often", code == 0 and "Odoo tells of res.partner" in out, out + err)
    code, out, err = w.run("hooks", "check", "customer")
    check("check is content", code == 0, out + err)
    rules = w.rpc("base.automation", "search_read", [["name", "like", "navodoo"]],
                  fields=["name", "trigger", "trigger_field_ids", "action_server_ids"])
    check("two rules", sorted(r["trigger"] for r in rules) == ["on_create_or_write", "on_unlink"], rules)
    return {r["trigger"]: r for r in rules}


def edits_are_found(w, rules):
    rule = rules["on_create_or_write"]
    action = rule["action_server_ids"][0]
    url = w.rpc("ir.actions.server", "read", [action], ["webhook_url"])[0]["webhook_url"]
    fields = rule["trigger_field_ids"]
    for name, model, at, values, back, pattern in (
            ("switched off", "base.automation", rule["id"], {"active": False}, {"active": True}, "inactive"),
            ("trigger fields", "base.automation", rule["id"], {"trigger_field_ids": [[6, 0, fields[:1]]]},
             {"trigger_field_ids": [[6, 0, fields]]}, "trigger fields"),
            ("domain", "base.automation", rule["id"], {"filter_domain": "[('id', '>', 7)]"},
             {"filter_domain": False}, "some records only"),
            ("trigger", "base.automation", rule["id"], {"trigger": "on_create"},
             {"trigger": "on_create_or_write"}, "trigger is on_create"),
            ("address", "ir.actions.server", action, {"webhook_url": "http://other.example/hooks/partner/x"},
             {"webhook_url": url}, "http://other.example, not to http://127"),
            ("secret", "ir.actions.server", action, {"webhook_url": url[:-1] + "x"}, {"webhook_url": url},
             "another path or secret"),
            ("action", "ir.actions.server", action, {"state": "code"}, {"state": "webhook"}, "not a webhook")):
        w.rpc(model, "write", [at], values)
        code, out, err = w.run("hooks", "check", "customer")
        check("check finds: " + name, code == 1 and re.search(pattern, out) and url[-32:] not in out, out + err)
        w.rpc(model, "write", [at], back)
    code, out, err = w.run("hooks", "check", "customer")
    check("check is content again", code == 0, out + err)
    return url


def events_arrive(w, url):
    partner = w.rpc("res.partner", "create", {"name": "Hook GmbH", "email": "a@hook.example"})
    for _ in range(50):
        if w.hooks().get("delivered"):
            break
        time.sleep(0.1)
    check("Odoo delivered one post", w.hooks() == {"delivered": 1}, w.hooks())
    path = url.split("/", 3)[3]
    base = url[:-len(path)]
    event = {"_model": "res.partner", "_id": partner}
    check("a wrong secret is not found", fetch(base + path[:-1] + "x", event)[0] == 404)
    check("no event is refused", fetch(url, {"_model": "res.partner"})[0] == 400)
    check("a GET is no event", fetch(url)[0] == 405)
    check("health is answered", fetch(base + "healthz")[0] == 200)
    w.rpc("res.partner", "write", [partner], {"city": "Berlin"})
    check("another field does not fire", w.hooks() == {"delivered": 1}, w.hooks())
    check("no secret in the log", MASTER not in w.read_log() and url[-32:] not in w.read_log(), w.read_log())


def rules_are_removed(w):
    code, out, err = w.run("hooks", "remove", "customer")
    check("remove takes two away", code == 0 and "2 rules" in out, out + err)
    left = w.rpc("base.automation", "search_read", [], fields=["name"])
    check("and leaves the others", [r["name"] for r in left] == ["somebody else's"], left)
    code, out, err = w.run("hooks", "remove", "customer")
    check("a second time there is nothing", code == 0 and "0 rules" in out, out + err)


def everything(program):
    w = World(program)
    try:
        port = w.start()
        w.configure(port)
        url = edits_are_found(w, rules_come_and_go(w))
        events_arrive(w, url)
        rules_are_removed(w)
    finally:
        w.close()


def an_old_odoo(program):
    w = World(program, version=14)
    try:
        code, out, err = w.run("hooks", "install", "customer")
        check("14 has none, polling serves", code == 1 and "no webhooks" in err and "poll" in err, out + err)
    finally:
        w.close()


if __name__ == "__main__":
    everything(sys.argv[1])
    an_old_odoo(sys.argv[1])
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)
