#!/usr/bin/env python3
"""Signing in, with counterparts that we did not write.

    servers.py NAVODOO SPEC

- requests_ntlm (python3-requests-ntlm) signs in to our sandbox NAV;
- our client signs in to a door in front of the sandbox that leaves NTLM to gss-ntlmssp
  (python3-gssapi), and to Apache's mod_auth_gssapi with a ticket of an MIT KDC that runs here.

Everything listens on the loopback interface and lives in one temporary folder.
"""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOP = os.path.normpath(os.path.dirname(os.path.abspath(__file__)) + "/../..")
MODULES = "/usr/lib/apache2/modules"
PASSWORD = "Zauberlehrling-7"
REALM = "NAVODOO.TEST"
BASIC = "Basic " + b64encode(("navodoo:" + PASSWORD).encode()).decode()
NTLM = "1.3.6.1.4.1.311.2.2.10"
LIMIT = 60

passed = failed = 0


def check(name, problem):
    global passed, failed
    if problem:
        failed += 1
        print("FAILED: %s\n  %s" % (name, problem))
    else:
        passed += 1


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port):
    for _ in range(100):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("nothing listens on port %d" % port)


class World:
    def __init__(self, navodoo, spec):
        self.navodoo, self.spec = os.path.abspath(navodoo), os.path.abspath(spec)
        self.work = tempfile.mkdtemp(prefix="navodoo-login.")
        os.chmod(self.work, 0o755)
        self.running = []
        self.env = {k: v for k, v in os.environ.items()
                    if "PASSWORD" not in k.upper() and not k.lower().endswith("_proxy") and k != "OPENSSL_CONF"}
        self.env.update(NO_COLOR="1", NAVODOO_DUMPABLE="1", KRB5_CONFIG=self.path("krb5.conf"),
                        KRB5_KDC_PROFILE=self.path("kdc.conf"), KRB5RCACHENAME="none:")

    def path(self, name):
        return self.work + "/" + name

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def start(self, *words, **more):
        p = subprocess.Popen(words, **{"env": self.env, **more})
        self.running.append(p)
        return p

    def close(self):
        for p in reversed(self.running):
            p.send_signal(signal.SIGTERM)
        for p in self.running:
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
        shutil.rmtree(self.work, ignore_errors=True)

    def sandbox(self, *words):
        p = self.start(self.navodoo, "sandbox", "--nav", ":0", "--odoo", ":0", "--customers", "25",
                       "--password", PASSWORD, *words, stdout=subprocess.PIPE, text=True)
        return [p.stdout.readline().split()[1] for _ in range(2)]

    def run(self, *words, env=None):
        p = subprocess.run([self.navodoo, "run", TOP + "/flows", "--once", *words], capture_output=True,
                           text=True, timeout=LIMIT, env={**self.env, **(env or {})}, cwd=self.work)
        return p.returncode, p.stdout, p.stderr

    def apache(self, nav, log):
        """Apache in front of the sandbox NAV, which wants a Kerberos ticket; returns its port."""
        port = free_port()
        wanted = ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_gssapi", "proxy",
                  "proxy_http", "headers"]
        lines = ["LoadModule %s_module %s/mod_%s.so" % (m, MODULES, m) for m in wanted]
        if os.geteuid() == 0:
            lines += ["LoadModule unixd_module %s/mod_unixd.so" % MODULES] \
                if os.path.exists(MODULES + "/mod_unixd.so") else []
            lines += ["User nobody", "Group nogroup"]
        lines += [
            "ServerName localhost", "Listen 127.0.0.1:%d" % port, "PidFile %s" % self.path(log + ".pid"),
            "DefaultRuntimeDir %s" % self.work, "ErrorLog %s" % self.path(log + ".error"),
            'LogFormat "%m %>s %k" plain',
            "CustomLog %s plain" % self.path(log + ".access"),
            "KeepAlive On", "MaxKeepAliveRequests 0",
            "<Location />", "AuthType GSSAPI", 'AuthName "NAV"', "GssapiConnectionBound On",
            "GssapiAllowedMech krb5", "GssapiCredStore keytab:%s" % self.path("http.keytab"),
            "Require valid-user", "RequestHeader set Authorization \"%s\"" % BASIC,
            "</Location>", "ProxyPass / %s/" % nav, "ProxyPassReverse / %s/" % nav]
        self.write(log + ".conf", "\n".join(lines) + "\n")
        self.start("apache2", "-X", "-f", self.path(log + ".conf"))
        wait_for(port)
        return port

    def kdc(self):
        port = free_port()
        self.write("krb5.conf", """[libdefaults]
  default_realm = %(realm)s
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
[realms]
  %(realm)s = {
    kdc = 127.0.0.1:%(port)d
  }
[domain_realm]
  localhost = %(realm)s
""" % {"realm": REALM, "port": port})
        self.write("kdc.conf", """[kdcdefaults]
  kdc_listen = 127.0.0.1:%(port)d
  kdc_tcp_listen = 127.0.0.1:%(port)d
[realms]
  %(realm)s = {
    database_name = %(work)s/principal
    key_stash_file = %(work)s/stash
    acl_file = %(work)s/acl
  }
""" % {"realm": REALM, "port": port, "work": self.work})
        quiet = {"env": self.env, "check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["kdb5_util", "create", "-s", "-r", REALM, "-P", "master"], **quiet)
        for query in ("addprinc -randkey navodoo", "addprinc -randkey HTTP/localhost",
                      "ktadd -k %s navodoo" % self.path("navodoo.keytab"),
                      "ktadd -k %s HTTP/localhost" % self.path("http.keytab")):
            subprocess.run(["kadmin.local", "-r", REALM, "-q", query], **quiet)
        os.chmod(self.path("http.keytab"), 0o644)
        self.start("krb5kdc", "-n", "-r", REALM, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(port)


def with_version(token):
    """The same answer with room for the version that clients may leave out; gss-ntlmssp counts
    on it. An NTLMv2 answer without a MIC does not cover the layout."""
    head = bytearray(token[:64])
    for at in range(12, 60, 8):
        offset = struct.unpack_from("<I", head, at + 4)[0]
        struct.pack_into("<I", head, at + 4, offset + 8)
    return bytes(head) + bytes(8) + token[64:]


class NtlmDoor(BaseHTTPRequestHandler):
    """Lets signed-in connections through to the sandbox. One object serves one connection."""
    protocol_version = "HTTP/1.1"
    target, seen, lock = None, [], threading.Lock()

    def log_message(self, *_):
        pass

    def note(self, status):
        with self.lock:
            self.seen.append("%s %d" % (self.command, status))

    def reply(self, status, headers, body):
        self.note(status)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def step(self, token):
        """None when the connection is signed in, else the challenge."""
        import gssapi
        kind = token[8] if len(token) > 8 else 0
        if kind == 1:
            mech = gssapi.OID.from_int_seq(NTLM)
            creds = gssapi.Credentials(usage="accept", mechs=[mech])
            self.context = gssapi.SecurityContext(creds=creds, usage="accept")
            # here too it wants a version, and names in UTF-16
            token = (token[:12] + bytes([token[12] | 1]) + token[13:]).ljust(40, b"\0")
        elif struct.unpack_from("<I", token, 16)[0] == 64:
            token = with_version(token)
        answer = self.context.step(token)
        self.signed = self.context.complete
        return None if self.signed else "NTLM " + b64encode(answer).decode()

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        given = (self.headers.get("Authorization") or "").split()
        challenge = "NTLM"
        if len(given) == 2 and given[0].upper() == "NTLM":
            self.signed = False
            try:
                challenge = self.step(b64decode(given[1]))
            except Exception:  # whatever gssapi has against it
                self.note(0)
                challenge = "NTLM"
        if not getattr(self, "signed", False):
            return self.reply(401, [("WWW-Authenticate", challenge)], b"no")
        headers = {"Authorization": BASIC, "Accept": self.headers.get("Accept") or "*/*"}
        if body:
            headers["Content-Type"] = self.headers.get("Content-Type")
        request = urllib.request.Request(self.target + self.path, body or None, headers, method=self.command)
        try:
            answer = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)
        except urllib.error.HTTPError as e:
            answer = e
        kept = [(n, v) for n, v in answer.headers.items() if n in ("Content-Type", "OData-Version", "ETag")]
        self.reply(answer.status, kept, answer.read())

    do_GET = do_POST = do_PATCH = handle_any


def ntlm_door(nav):
    """Returns the address of the door and the list of what it answers."""
    door = type("Door", (NtlmDoor,), {"target": nav, "seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), door)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return "http://127.0.0.1:%d" % server.server_port, door.seen


def stats(base):
    return json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(base + "/_sandbox/stats"))


def foreign_client(w):
    import requests
    from requests_ntlm import HttpNtlmAuth
    nav, _ = w.sandbox("--nav-auth", "ntlm")
    url = nav + "/DynamicsNAV110/ODataV4/Company('CRONUS%20International%20Ltd.')/CustomerCard"
    for user, password, status in (("CRONUS\\navodoo", PASSWORD, 200), ("navodoo", PASSWORD, 200),
                                   ("CRONUS\\navodoo", "wrong", 401), ("CRONUS\\nobody", PASSWORD, 401)):
        session = requests.Session()
        session.trust_env = False
        session.auth = HttpNtlmAuth(user, password)
        got = [session.get(url + "?$top=1").status_code for _ in range(2)]
        check("requests_ntlm as %s" % user, "" if got == [status] * 2 else "answers %s" % got)


def synchronises(w, name, url, odoo, *words, env=None):
    code, out, err = w.run("--state", w.path("state-" + name), "--set", "nav.url=%s/DynamicsNAV110/ODataV4" % url,
                           "--set", "odoo.url=" + odoo, *words,
                           env={"NAVODOO_ODOO_PASSWORD": PASSWORD, **(env or {})})
    ok = code == 0 and re.search("customer: 25 read, 25 created", out)
    check(name + ": 25 customers", "" if ok else "exit code %s: %s%s" % (code, out, err[-800:]))


def ntlm(w):
    w.write("ntlm.users", "CRONUS:navodoo:%s\n" % PASSWORD)
    os.environ["NTLM_USER_FILE"] = w.path("ntlm.users")
    nav, odoo = w.sandbox()
    url, seen = ntlm_door(nav)
    words = ("--set", "nav.auth=ntlm", "--set", "nav.user=CRONUS\\navodoo")
    synchronises(w, "NTLM of gss-ntlmssp", url, odoo, *words, env={"NAVODOO_NAV_PASSWORD": PASSWORD})
    refused = [s for s in seen if s.endswith(" 401")]
    check("NTLM: one handshake for a connection", "" if 1 <= len(refused) <= 2 else " ".join(seen))
    writes(w, url, nav, "ntlm", "CRONUS\\navodoo")
    del seen[:]
    code, _, err = w.run("--state", w.path("state-wrong"), "--set", "nav.url=%s/DynamicsNAV110/ODataV4" % url,
                         "--set", "odoo.url=" + odoo, *words,
                         env={"NAVODOO_ODOO_PASSWORD": PASSWORD, "NAVODOO_NAV_PASSWORD": "wrong"})
    tries = [s for s in seen if s == "GET 0"]
    check("NTLM: a wrong password ends it, tried once",
          "" if code == 2 and len(tries) == 1 else "exit code %s, %s\n%s" % (code, seen, err[-500:]))


def writes(w, url, nav, way, user):
    """Ten customers posted through the sign-in: each exactly once in NAV."""
    before = stats(nav)["creates"]
    p = subprocess.run([w.spec, TOP + "/tests/login/write.lua"], capture_output=True, text=True, timeout=LIMIT,
                       env={**w.env, "LOGIN_URL": url, "LOGIN_WAY": way, "LOGIN_USER": user,
                            "LOGIN_TEST_PASSWORD": PASSWORD})
    made = stats(nav)["creates"] - before
    check(way + ": ten POSTs arrive once each",
          "" if p.returncode == 0 and made == 10 else "%d made: %s%s" % (made, p.stdout, p.stderr[-800:]))


def negotiate(w):
    nav, odoo = w.sandbox()
    port = w.apache(nav, "negotiate")
    url = "http://localhost:%d" % port
    ticket = {"KRB5_CLIENT_KTNAME": w.path("navodoo.keytab"), "KRB5CCNAME": "FILE:" + w.path("ccache")}
    w.env.update(ticket)
    synchronises(w, "Negotiate with a keytab", url, odoo, "--set", "nav.auth=negotiate")
    writes(w, url, nav, "negotiate", "")
    w.env.update(KRB5_CLIENT_KTNAME="/none", KRB5CCNAME="FILE:/none")
    code, _, err = w.run("--state", w.path("state-noticket"), "--set", "nav.url=%s/DynamicsNAV110/ODataV4" % url,
                         "--set", "odoo.url=" + odoo, "--set", "nav.auth=negotiate",
                         env={"NAVODOO_ODOO_PASSWORD": PASSWORD})
    check("Negotiate without a ticket names the way out",
          "" if code == 2 and "KRB5_CLIENT_KTNAME" in err else "exit code %s: %s" % (code, err[-800:]))


def with_md4():
    """Python's side of NTLM wants MD4, which OpenSSL gives only when it is told to."""
    if os.environ.get("NAVODOO_TEST_MD4"):
        return
    with tempfile.NamedTemporaryFile("w", suffix=".cnf", delete=False) as f:
        f.write("openssl_conf = top\n[top]\nproviders = all\n[all]\ndefault = on\nlegacy = on\n"
                "[on]\nactivate = 1\n")
    os.execve(sys.executable, [sys.executable, *sys.argv],
              {**os.environ, "OPENSSL_CONF": f.name, "NAVODOO_TEST_MD4": f.name})


def main():
    missing = [p for p in ("apache2", "krb5kdc", "kadmin.local", "kdb5_util") if not shutil.which(p)]
    if missing or not os.path.exists(MODULES + "/mod_auth_gssapi.so"):
        print("skipped: %s not installed (sh examples/install.sh test)" % (", ".join(missing) or "mod_auth_gssapi"))
        print("0 passed, 0 failed, 1 skipped")
        return 0
    with_md4()
    w = World(sys.argv[1], sys.argv[2])
    try:
        w.kdc()
        foreign_client(w)
        ntlm(w)
        negotiate(w)
    finally:
        w.close()
        os.unlink(os.environ["NAVODOO_TEST_MD4"])
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0


sys.exit(main())
