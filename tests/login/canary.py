#!/usr/bin/env python3
"""Secrets stay secret: every place that outlives a call is searched for them.

    canary.py NAVODOO

The engine runs with recognisable secrets of every kind (passwords from the environment, from
files, from a folder; an API key, a client secret, the bearer tokens and session cookies that the
systems hand out), against systems that repeat them in their refusals. Searched are the log, the
outputs of all commands, everything in the state folder (store, journal, dead letters), and what a
killed engine leaves behind; for the plain text, JSON, percent-encoded and base64 forms.
"""
import base64
import glob
import hashlib
import hmac
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

TOP = os.path.normpath(os.path.dirname(os.path.abspath(__file__)) + "/../..")
LIMIT = 60
passed = failed = skipped = 0

# with characters that look different in JSON, in an address and in base64
PASSWORD = 'Kanari&nvogel "Nr. 77"/zwo'
HOOK = "Brieftaube+4711/=x"
ADDRESS = hmac.new(HOOK.encode(), b"partner", hashlib.sha256).hexdigest()[:32]  # of the hook "partner"
API_KEY = "c0ffee00c0ffee11c0ffee22c0ffee33c0ffee44"
BEARER = "eyJ0eXAiOiJKV1QifQ."  # how the sandbox's tokens begin


def check(name, problem):
    global passed, failed
    if problem:
        failed += 1
        print("FAILED: %s\n  %s" % (name, problem))
    else:
        passed += 1


def forms(secret):
    """Bytes by which a secret is found, whatever stands around it."""
    raw = secret.encode()
    found = {raw, json.dumps(secret)[1:-1].encode(), urllib.parse.quote(secret, safe="").encode(),
             urllib.parse.quote_plus(secret).encode(), raw.hex().encode()}
    for shift in range(3):  # base64 of it behind any other text
        text = base64.b64encode(b"\0" * shift + raw)
        found.add(text[shift + 1 if shift else 0:8 * (shift + len(raw)) // 6])
    return found


def search(where, data, secrets):
    return ["%s: %s as %r" % (where, name, form) for name, secret in secrets.items()
            for form in forms(secret) if form in data]


def search_folder(folder, secrets):
    found = []
    for path in glob.glob(folder + "/**", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as f:
                found += search(os.path.relpath(path, folder), f.read(), secrets)
    return found


CONFIG = """
local secret = require("navodoo").secret
local company = "CRONUS International Ltd."
local nav, odoo = "%(nav)s/DynamicsNAV110/ODataV4", "%(odoo)s"
return {
  default = "basic",
  environments = {
    basic = {
      nav = { url = nav, company = company, user = "navodoo", settle = "1s", password = secret "NAV_PASSWORD" },
      odoo = { url = odoo, database = "sandbox", user = "navodoo@example.com", settle = "1s",
               password = secret "ODOO_PASSWORD", hook_url = "http://127.0.0.1:1",
               hook_secret = secret "HOOK_SECRET" } },
    ntlm = {
      nav = { url = nav, company = company, user = "CRONUS\\\\navodoo", settle = "1s", auth = "ntlm",
              password = secret "NAV_PASSWORD" },
      odoo = { url = odoo, database = "sandbox", user = "navodoo@example.com", settle = "1s", auth = "session",
               password = secret "ODOO_PASSWORD" } },
    oauth2 = {
      nav = { url = nav, company = company, settle = "1s", auth = "oauth2", client_id = "navodoo",
              client_secret = secret "NAV_CLIENT_SECRET", token_url = "%(nav)s/common/oauth2/v2.0/token" },
      odoo = { url = odoo, database = "sandbox", user = "navodoo@example.com", settle = "1s", auth = "api_key",
               password = secret "ODOO_API_KEY" } },
  },
}
"""


class World:
    def __init__(self, navodoo, way):
        self.navodoo, self.way = os.path.abspath(navodoo), way
        self.work = tempfile.mkdtemp(prefix="navodoo-canary.")
        self.elsewhere = tempfile.mkdtemp(prefix="navodoo-canary-secrets.")  # not searched
        self.said = b""  # everything that any command printed
        self.secrets = {"password": PASSWORD, "API key": API_KEY, "bearer token": BEARER, "hook secret": HOOK,
                        "address of the hook": ADDRESS}
        clean = {k: v for k, v in os.environ.items()
                 if "PASSWORD" not in k.upper() and not k.lower().endswith("_proxy")}
        self.env = {**clean, "NO_COLOR": "1"}
        self.sandbox = subprocess.Popen(
            [self.navodoo, "sandbox", "--nav", ":0", "--odoo", ":0", "--customers", "60", "--password", PASSWORD,
             "--api-key", API_KEY, "--nav-auth", way, "--state", self.work + "/sandbox.json"],
            stdout=subprocess.PIPE, text=True, env=self.env)
        self.nav, self.odoo = [self.sandbox.stdout.readline().split()[1] for _ in range(2)]
        self.flows, self.state = self.work + "/flows", self.work + "/state"
        subprocess.run(["cp", "-r", TOP + "/flows", self.flows], check=True)
        with open(self.flows + "/navodoo.lua", "w") as f:
            f.write(CONFIG % {"nav": self.nav, "odoo": self.odoo})
        self.env.update(self.sources(PASSWORD, API_KEY))

    def sources(self, password, api_key):
        """Where each way takes its secrets from: every kind of place is used by one of them."""
        if self.way == "basic":
            return {"NAVODOO_NAV_PASSWORD": password, "ODOO_PASSWORD": password, "HOOK_SECRET": HOOK}
        folder = tempfile.mkdtemp(dir=self.elsewhere)
        for name, value in (("NAV_PASSWORD", password), ("ODOO_PASSWORD", password),
                            ("NAV_CLIENT_SECRET", password), ("ODOO_API_KEY", api_key)):
            fd = os.open(folder + "/" + name, os.O_WRONLY | os.O_CREAT, 0o600)
            os.write(fd, value.encode() + b"\n")
            os.close(fd)
        if self.way == "ntlm":
            return {"NAV_PASSWORD_FILE": folder + "/NAV_PASSWORD", "NAVODOO_SECRETS": folder}
        return {"CREDENTIALS_DIRECTORY": folder}

    def words(self, *words):
        return [self.navodoo, words[0], self.flows, "--env", self.way, "--state", self.state, *words[1:]]

    def run(self, *words, env=None):
        p = subprocess.run(words, capture_output=True, timeout=LIMIT, env={**self.env, **(env or {})}, cwd=self.work)
        self.said += p.stdout + p.stderr
        return p.returncode

    def start(self, *words, env=None, **more):
        log = open(self.work + "/engine.log", "ab")
        return subprocess.Popen(self.words("run", *words), stdout=log, stderr=log, cwd=self.work,
                                env={**self.env, **(env or {})}, **more)

    def control(self, base, route, body, method="POST"):
        request = urllib.request.Request("%s/_sandbox/%s" % (base, route), json.dumps(body).encode(), method=method)
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).read()

    def echo(self, base, match, status, times):
        """The system repeats our secrets in a refusal, plain and encoded."""
        basic = base64.b64encode(("navodoo:" + PASSWORD).encode()).decode()
        words = "refused: %s / %s / Basic %s" % (PASSWORD, urllib.parse.quote(PASSWORD, safe=""), basic)
        if self.way == "oauth2":  # what the engine never had it cannot know again
            words = "refused: %s / %s" % (API_KEY, urllib.parse.quote(PASSWORD, safe=""))
        self.control(base, "faults", {
            "match": match, "kind": "status", "status": status, "times": times, "content_type": "application/json",
            "answer": json.dumps({"error": {"code": "Application_Dialog", "message": words},
                                  "name": "odoo.exceptions.UserError", "message": words, "jsonrpc": "2.0"})})

    def look(self):
        """All that a person looks at."""
        for words in (["status"], ["status", "--json"], ["jobs"], ["jobs", "--json"], ["dead"], ["dead", "--json"],
                      ["dead", "groups"], ["dead", "show", "1"], ["links", "--json"]):
            self.run(self.navodoo, *words, "--state", self.state)

    def close(self):
        """Ends the sandbox; its state tells which sessions it had opened."""
        self.sandbox.send_signal(signal.SIGTERM)
        self.sandbox.wait(LIMIT)
        with open(self.work + "/sandbox.json") as f:
            sessions = json.load(f)["odoo"]["sessions"]["open"]
        for i, sid in enumerate(sessions):
            self.secrets["session %d" % i] = sid
        os.unlink(self.work + "/sandbox.json")
        return len(sessions)


def life(w):
    """A day of an engine, everything that goes wrong included."""
    w.echo(w.odoo, "POST *", 400, 1)
    w.echo(w.nav, "GET *CustomerCard*", 400, 1)
    w.run(*w.words("run", "--once", "--wait", "5s"))
    w.look()
    wrong = w.sources("wrong " + PASSWORD[::-1], API_KEY[::-1])
    w.secrets["wrong password"] = "wrong " + PASSWORD[::-1]
    w.secrets["wrong API key"] = API_KEY[::-1]
    code = w.run(*w.words("run", "--once"), env=wrong)
    check(w.way + ": a wrong secret ends a run", "" if code == 2 else "exit code %s" % code)
    w.control(w.nav, "sign_out", {})
    w.control(w.odoo, "sign_out", {})
    port = free_port()
    engine = w.start(*(["--listen", "127.0.0.1:%d" % port] if w.way == "basic" else []))
    check(w.way + ": the engine works", "" if wait_links(w) else "no links")
    w.echo(w.nav, "GET *", 500, 2)
    if w.way == "basic":
        answers = [hook(port, path) for path in (ADDRESS, ADDRESS[:-1] + "g", HOOK)]
        check("hooks: only the right address", "" if answers[0] < 300 and min(answers[1:]) >= 400 else str(answers))
    w.look()
    engine.send_signal(signal.SIGKILL)
    engine.wait(LIMIT)
    w.look()
    for base in (w.nav, w.odoo):
        w.control(base, "faults", {}, "DELETE")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def hook(port, path):
    """Posts an event; a broken body too, which is complained of."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    status = 0
    for body in (b"{", b'{"_model": "res.partner", "_id": 1, "_action": "x", "id": 1}'):
        url = "http://127.0.0.1:%d/hooks/partner/%s" % (port, urllib.parse.quote(path, safe=""))
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            status = opener.open(request).status
        except urllib.error.HTTPError as e:
            status = e.code
    return status


def wait_links(w):
    for _ in range(100):
        p = subprocess.run([w.navodoo, "status", "--json", "--state", w.state], capture_output=True, env=w.env)
        w.said += p.stdout + p.stderr
        status = json.loads(p.stdout) if p.returncode == 0 else {"running": False}
        if status["running"] and any(f["links"] >= 40 for f in status["flows"]):
            return True
        time.sleep(0.2)
    return False


def core_of(w, env):
    """Kills an engine so that it would leave a core dump: the files found, and whether the kernel
    says that it wrote one."""
    folder = w.work + "/cores"
    os.makedirs(folder, exist_ok=True)
    before = set(os.listdir(folder)) | set(os.listdir(w.work))
    limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    engine = w.start(env=env, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, limit))
    wait_links(w)
    os.kill(engine.pid, signal.SIGABRT)
    _, status = os.waitpid(engine.pid, 0)
    engine.returncode = -signal.SIGABRT
    new = [f for f in os.listdir(w.work) if f not in before and f.startswith("core")]
    return [w.work + "/" + f for f in new], os.WCOREDUMP(status)


def core_dumps(w):
    global skipped
    files, dumped = core_of(w, {})
    check(w.way + ": no core dump", "the kernel wrote one: %s" % files if files or dumped else "")
    files, dumped = core_of(w, {"NAVODOO_DUMPABLE": "1"})
    if not dumped:
        skipped += 1
        print("skipped: this machine writes no core dumps, so that none is written proves nothing")
        return
    check(w.way + ": NAVODOO_DUMPABLE=1 asks for one", "")
    for path in files:  # what it costs to ask for one
        with open(path, "rb") as f:
            data = f.read()
        held = {name for name, secret in w.secrets.items() if any(x in data for x in forms(secret))}
        print("a core dump that was asked for holds: %s" % (", ".join(sorted(held)) or "nothing of these"))
        os.unlink(path)


def privacy(w):
    """Another process of the same user neither traces the engine nor reads its memory."""
    engine = w.start()
    wait_links(w)
    options = {} if os.geteuid() else {"user": 65534, "group": 65534, "extra_groups": []}
    p = subprocess.run(["cat", "/proc/%d/environ" % engine.pid], capture_output=True, text=True, **options)
    owner = os.stat("/proc/%d/environ" % engine.pid).st_uid
    engine.send_signal(signal.SIGTERM)
    engine.wait(LIMIT)
    check("memory is closed to others", "" if p.returncode and not p.stdout and owner == 0 else
          "exit code %d, owner %d" % (p.returncode, owner))


def main():
    for way in ("basic", "ntlm", "oauth2"):
        w = World(sys.argv[1], way)
        try:
            life(w)
            if way == "basic":
                core_dumps(w)
                privacy(w)
        finally:
            sessions = w.close()
        check(way + ": sessions were opened", "" if way != "ntlm" or sessions > 0 else "none")
        found = search("output", w.said, w.secrets) + search_folder(w.work, w.secrets)
        check(way + ": nothing is found", "\n  ".join(found[:20]))
        # the search itself: what it looks for would be found
        check(way + ": the search finds", "" if len(search("x", base64.b64encode(("u:" + PASSWORD).encode()),
                                                            w.secrets)) == 1 else "not a base64 form")
        shutil.rmtree(w.work)
        shutil.rmtree(w.elsewhere)
        marked = w.said.count(b"***")
        check(way + ": the systems did repeat them", "" if marked else "no refusal with a secret came back")
    print("%d passed, %d failed%s" % (passed, failed, ", %d skipped" % skipped if skipped else ""))
    return failed > 0


sys.exit(main())
