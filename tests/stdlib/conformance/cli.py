#!/usr/bin/env python3
"""The command line from outside: bad input gets one line that names the place and the
way out, the exit code that is documented, and never hangs. usage: cli.py NAVODOO

Every case runs the program against a sandbox of its own, as a person would who typed
something wrong, has the wrong password, or starts a second engine.
"""
import atexit
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

TOP = os.path.dirname(os.path.abspath(__file__)) + "/../../.."
sys.path.insert(0, TOP + "/tests/flows")
from folder import only  # noqa: E402

WORK = tempfile.mkdtemp(prefix="navodoo-flows-")
os.chmod(WORK, 0o755)
atexit.register(shutil.rmtree, WORK, True)
FLOWS = only(WORK, "customer")
LIMIT = 30  # seconds that any command may take here
NOBODY = 65534

passed = failed = 0


def check(name, problems):
    global passed, failed
    if problems:
        failed += 1
        print("FAILED: %s\n  %s" % (name, "\n  ".join(problems)))
    else:
        passed += 1


def environment(extra=None):
    """Ours, without secrets and proxies, which would decide the outcome."""
    env = {k: v for k, v in os.environ.items()
           if "PASSWORD" not in k.upper() and not k.lower().endswith("_proxy")}
    env["NO_COLOR"] = "1"
    env.update(extra or {})
    return env


class Result:
    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.seconds = code, out, seconds
        lines = err.splitlines()
        self.log = [json.loads(l) for l in lines if l.startswith("{")]
        self.complaints = [l for l in lines if not l.startswith("{")]


class Cli:
    def __init__(self, program):
        self.program = os.path.abspath(program)
        self.work = tempfile.mkdtemp(prefix="navodoo-cli.")
        self.sandbox = subprocess.Popen(
            [self.program, "sandbox", "--nav", ":0", "--odoo", ":0", "--customers", "40"],
            stdout=subprocess.PIPE, text=True, env=environment(), cwd=self.work)
        self.nav = self.sandbox.stdout.readline().split()[1]
        self.odoo = self.sandbox.stdout.readline().split()[1]
        self.here = ["--set", "nav.url=%s/DynamicsNAV110/ODataV4" % self.nav, "--set", "odoo.url=" + self.odoo]

    def close(self):
        self.sandbox.send_signal(signal.SIGTERM)
        self.sandbox.wait(LIMIT)
        subprocess.run(["rm", "-rf", self.work])

    def run(self, *words, env=None, user=None):
        began = time.monotonic()
        options = {"user": user, "group": user, "extra_groups": []} if user else {}
        try:
            p = subprocess.run([self.program, *words], capture_output=True, text=True, timeout=LIMIT,
                               env=environment(env), cwd=self.work, **options)
        except subprocess.TimeoutExpired:
            return Result("none: it hangs", "", "", LIMIT)
        return Result(p.returncode, p.stdout, p.stderr, time.monotonic() - began)

    def once(self, state, *words, **more):
        return self.run("run", FLOWS, "--once", "--state", state, *self.here, *words, **more)

    def refused(self, name, code, pattern, result, lines=1):
        """One complaint that matches, nothing on stdout, the right code."""
        problems = []
        if result.code != code:
            problems.append("exit code %s, expected %s" % (result.code, code))
        if len(result.complaints) != lines:
            problems.append("%d lines of complaint, expected %d" % (len(result.complaints), lines))
        if not re.search(pattern, "\n".join(result.complaints)):
            problems.append("no match of %s" % pattern)
        if result.out:
            problems.append("stdout: " + result.out[:200])
        if problems:
            problems += result.complaints
        check(name, problems)

    def told(self, name, pattern, result, code=0):
        problems = []
        if result.code != code:
            problems.append("exit code %s, expected %s" % (result.code, code))
        if not re.search(pattern, result.out):
            problems.append("no match of %s in %r" % (pattern, result.out[:400]))
        if code == 0: # what goes wrong on the way is mended by another way, but nothing should
            problems += [line for line in result.complaints if '"level":"error"' in line]
        if problems:
            problems += result.complaints
        check(name, problems)

    def post(self, base, route, body=None, method="POST"):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request("%s/_sandbox/%s" % (base, route), data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return json.load(opener.open(request))


def wrong_use(c):
    said = c.run
    c.refused("unknown command", 2, r'unknown command "stauts"; did you mean status\?', said("stauts"))
    c.refused("unknown option", 2, r"status: unknown option --stat; did you mean --state\?", said("status", "--stat", "x"))
    c.refused("single letter", 2, r"unknown option -x; see --help", said("status", "-x"))
    c.refused("option without value", 2, r"option --state needs a value", said("status", "--state", "--json"))
    c.refused("value for a flag", 2, r"option --json takes no value", said("status", "--json=1"))
    c.refused("argument too many", 2, r'"x" is one argument too many', said("status", "x"))
    c.refused("no number", 2, r'jobs: option --limit needs a whole number, got "ten"', said("jobs", "--limit", "ten"))
    c.refused("no such state", 2, r'--only is one of ready, waiting, review, dead', said("jobs", "--only", "lost"))
    c.refused("no folder named", 2, r"run: which folder of flows\? As in: navodoo run flows/", said("run"))
    c.refused("no such folder", 2, r"none: no such folder; name the folder", said("run", "none"), lines=2)
    c.refused("no configuration", 2, r"navodoo\.lua: no configuration", said("check", "."), lines=2)
    c.refused("no such environment", 2, r"navodoo\.lua:\d+:\d+: there is no environment quality; there are ",
              said("run", FLOWS, "--env", "quality"), lines=2)
    c.refused("--set without =", 2, r"--set nav: expected ENDPOINT.KEY=VALUE", said("run", FLOWS, "--set", "nav"), lines=2)
    c.refused("--set of nothing", 2, r"there is no setting bacth; did you mean batch\?",
              said("run", FLOWS, "--set", "odoo.bacth=3"), lines=2)
    c.refused("--set of a password", 2, r"a password is not given on the command line",
              said("run", FLOWS, "--set", "nav.password=x"), lines=2)
    c.refused("all mistakes at once", 2, r"(?s)ftp://.*got \"x\".*2 mistakes",
              said("run", FLOWS, "--set", "nav.url=ftp://x", "--set", "odoo.batch=x"), lines=3)
    c.refused("no duration", 2, r'run: --wait: "soon": expected a duration', said("run", FLOWS, "--once", "--wait", "soon"))
    c.refused("--all alone", 2, r"run: --all needs --once", said("run", FLOWS, "--all"))
    c.refused("no address", 2, r'run: --listen needs ADDRESS:PORT, got "here"', said("run", FLOWS, "--listen", "here"))
    c.refused("sandbox: no address", 2, r'sandbox: --nav needs ADDRESS:PORT', said("sandbox", "--nav", "127.0.0.1:99999"))
    c.refused("sandbox: no version", 2, r"--odoo-version is one of 14, 17, 18, 19", said("sandbox", "--odoo-version", "16"))
    c.refused("sandbox: address in use", 1, r"Address already in use; take another address with --nav",
              said("sandbox", "--nav", c.nav[7:], "--odoo", ":0"))
    c.refused("sandbox: no place for the state", 2, r"sandbox: --state: /none/x",
              said("sandbox", "--nav", ":0", "--odoo", ":0", "--state", "/none/x"))
    c.refused("dead: no such action", 2, r"is none of list, groups, show, edit, retry, drop, export, import", said("dead", "lsit"))
    c.refused("dead: a number alone", 2, r"navodoo dead show 17\?", said("dead", "17"))
    c.refused("dead: show of no number", 2, r'show needs the number of a job, got "x"', said("dead", "show", "x"))
    c.refused("dead: retry of nothing", 2, r"retry needs the number of a job, --group or --all", said("dead", "retry"))
    c.refused("dead: retry of two things", 2, r"retry needs one of", said("dead", "retry", "1", "--all"))
    c.refused("links: key without flow", 2, r"add --flow NAME", said("links", "--odoo", "1"))
    for words in (["run"], ["check"], ["schema"], ["sandbox"], ["status"], ["jobs"], ["dead"], ["links"]):
        c.told("%s --help" % words[0], r"^usage: navodoo %s" % words[0], said(*words, "--help"))
        c.told("help %s" % words[0], r"^usage: navodoo %s" % words[0], said("help", *words))
    c.told("no command", r"usage: navodoo COMMAND", said(), code=2)
    c.told("--version", r"^navodoo \d+\.\d+\.\d+\n$", said("--version"))
    c.told("check", r"customer\.lua: customer, \d+ fields", said("check", FLOWS))
    c.told("check --keys", r"probe +GET /Company.*\$filter=No eq", said("check", FLOWS, "--keys"))
    keys = json.loads(said("check", FLOWS, "--keys", "--json").out)["keys"]
    check("check --keys: every write has a key that is asked for",
          [str(k) for k in keys if not (k["probe"] and k["idempotency"] and k["settle_ms"] > 0)]
          + (["%d rows" % len(keys)] if len(keys) < 7 else []))


def mistaken_flow(c):
    folder = c.work + "/flows"
    subprocess.run(["cp", "-r", FLOWS, folder], check=True)
    path = folder + "/customer.lua"
    with open(path) as f:
        source = f.read()
    with open(path, "w") as f:
        f.write(source.replace("map.money", "map.mony"))
    c.refused("flow with an unknown map", 2, r"customer\.lua:\d+.*map\.mony.*did you mean money",
              c.run("check", "flows"), lines=2)
    with open(path, "w") as f:
        f.write(source.replace('"Phone_No"', '"Phone_Nr"'))
    c.refused("flow with a field that NAV does not have", 2, r"customer\.lua:\d+.*Phone_Nr.*did you mean Phone_No",
              c.run("run", "flows", "--once", "--state", "s-flow", *c.here))


def schemas(c):
    folder = c.work + "/schemas"
    subprocess.run(["cp", "-r", FLOWS, folder], check=True)
    subprocess.run(["rm", "-rf", folder + "/schema"], check=True)
    c.refused("schema without action", 2, r"schema: pull, show or diff\? As in", c.run("schema"))
    c.refused("schema pul", 2, r"did you mean schema pull\?", c.run("schema", "pul", "schemas"))
    c.refused("schema without folder", 2, r"schema pull: which folder of flows\?", c.run("schema", "pull"))
    c.refused("schema diff of nothing", 1, r"schema holds nothing to compare with", c.run("schema", "diff", "schemas", *c.here))
    c.told("schema pull", r"(?s)nav/CustomerCard\.json: \d+ fields.*odoo/res\.partner\.json: \d+ fields.*types\.lua: written",
           c.run("schema", "pull", "schemas", *c.here))
    again = c.run("schema", "pull", "schemas", *c.here)
    check("schema pull again changes nothing", [l for l in again.out.splitlines() if not l.endswith(": unchanged")])
    c.told("schema show", r"(?m)^  Post_Code +char +20$", c.run("schema", "show", "schemas", "CustomerCard", "post"))
    c.refused("schema show of a page that is not there", 1, r"no CustomrCard, did you mean CustomerCard\?",
              c.run("schema", "show", "schemas", "CustomrCard"))
    c.told("schema diff", r"^no difference\n$", c.run("schema", "diff", "schemas", *c.here))
    path = folder + "/schema/nav/CustomerCard.json"
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(re.sub(r'"City": {"max":30', '"City": {"max":20', text))
    c.told("schema diff names the lines", r'(?m)^nav CustomerCard: City: max was 20, is 30\n  schemas/customer\.lua:\d+: .*"City"',
           c.run("schema", "diff", "schemas", *c.here), code=3)
    with open(path, "w") as f:
        f.write("{")
    c.refused("check with a broken schema", 2, r"CustomerCard\.json:1: .*", c.run("check", "schemas"), lines=2)
    c.told("schema pull mends it", r"nav/CustomerCard\.json", c.run("schema", "pull", "schemas", *c.here))
    everything = c.run("schema", "pull", "schemas", "--all", *c.here)
    c.told("schema pull --all", r"(?s)nav/CustomerList\.json.*odoo/res\.currency\.json", everything)


def wrong_systems(c):
    """A wrong password, host, company or database ends a run at once, with the way out."""
    cases = [
        ("wrong NAV password", 2, r"nav: .*credentials.*NAVODOO_NAV_PASSWORD", [], {"NAVODOO_NAV_PASSWORD": "wrong"}),
        ("wrong Odoo password", 2, r"odoo: .*refuses user.*NAVODOO_ODOO_PASSWORD", [], {"NAVODOO_ODOO_PASSWORD": "wrong"}),
        ("wrong company", 2, r'nav: .*is there a company "Nobody"\?', ["--set", "nav.company=Nobody"], {}),
        ("wrong database", 2, r'odoo: .*is there a database "none" on this server\?', ["--set", "odoo.database=none"], {}),
        ("NAV is not there", 1, r"nav \(127\.0\.0\.1:1\): .*is it running", ["--set", "nav.url=http://127.0.0.1:1/x"], {}),
        ("Odoo is not there", 1, r"odoo \(127\.0\.0\.1:1\): .*is it running", ["--set", "odoo.url=http://127.0.0.1:1"], {}),
        ("Odoo is a NAV", 2, r"odoo: .*url in navodoo\.lua", ["--set", "odoo.url=" + c.nav], {}),
        ("no password", 2, r"endpoint nav: secret NAV_PASSWORD is not set; set the environment variable NAVODOO_NAV_PASSWORD",
         ["--env", "prod"], {}),
        ("password file that is not there", 2, r"NAV_PASSWORD", ["--env", "prod"], {"NAV_PASSWORD_FILE": "/none"}),
    ]
    for name, code, pattern, words, env in cases:
        result = c.once("s-wrong", *words, env=env)
        c.refused(name, code, pattern, result)
        check(name + ": at once", [] if result.seconds < 20 else ["took %.0f s" % result.seconds])
        secret = env.get("NAVODOO_NAV_PASSWORD") or env.get("NAVODOO_ODOO_PASSWORD")
        if secret:
            said = result.out + "".join(result.complaints) + json.dumps(result.log)
            check(name + ": is not told", ["the password stands in the output"] if secret in said.split() else [])


def folders(c):
    c.refused("no store", 1, r"status: none holds no store; name the engine's folder with --state",
              c.run("status", "--state", "none"))
    c.refused("no store, default folder", 1, r"state holds no store", c.run("jobs"))
    with open(c.work + "/file", "w") as f:
        f.write("x")
    c.refused("a file for a folder", 1, r"file is a file", c.run("status", "--state", "file"))
    c.refused("run: a file for a folder", 1, r"file.*; name a folder that this user may write", c.once("file"))
    os.mkdir(c.work + "/damaged")
    with open(c.work + "/damaged/navodoo.db", "w") as f:
        f.write("this is no database at all\n" * 50)
    for name, result in (("run", c.once("damaged")), ("status", c.run("status", "--state", "damaged"))):
        c.refused(name + ": a damaged store", 1, r"damaged/navodoo\.db is damaged .*backup", result)
    with open(c.work + "/damaged/navodoo.db") as f:
        check("a damaged store is left as it was", [] if f.read().startswith("this is no") else ["it was written"])
    long = c.work + "/" + "x" * 120
    c.refused("a long path", 1, r"socket path is longer than \d+ bytes.*--state with a shorter name", c.once(long))
    read_only(c)


def read_only(c):
    folder = c.work + "/locked"
    os.mkdir(folder)
    os.chmod(folder, 0o555)
    os.chmod(c.work, 0o755)
    user = NOBODY if os.geteuid() == 0 else None
    try:
        probe = c.run("check", FLOWS, user=user).code
    except OSError:
        probe = None
    if probe != 0:
        print("skipped: the program or the flows are not readable for another user")
        return
    pattern = r"run: .*Permission denied; name a folder that this user may write with --state"
    c.refused("read-only folder", 1, pattern, c.once(folder, user=user))
    c.refused("folder in a read-only one", 1, pattern, c.once(folder + "/state", user=user))


def start(c, state, *words, env=None):
    engine = subprocess.Popen([c.program, "run", FLOWS, "--state", state, *c.here, *words],
                              stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                              env=environment(env), cwd=c.work)
    end = time.monotonic() + LIMIT
    while time.monotonic() < end and engine.poll() is None:
        # a status asked too early must not keep the engine from starting
        if "running since" in c.run("status", "--state", state).out:
            break
        time.sleep(0.1)
    return engine


def stop(engine):
    """Ends an engine; returns its exit code, or what is wrong."""
    engine.send_signal(signal.SIGTERM)
    try:
        engine.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.communicate()
        return "none: SIGTERM does not end it"
    return engine.returncode


def looks(c, when):
    """The commands that look, on an engine that runs and on one that does not."""
    s = ["--state", "s"]
    c.told("status, %s" % when, r"flow customer\n  linked    \d\d", c.run("status", *s))
    c.told("jobs, %s" % when, r"(?s)ID .*dead .*Customer_Posting_Group is empty", c.run("jobs", *s))
    c.told("dead, %s" % when, r"Customer_Posting_Group is empty", c.run("dead", *s))
    c.told("dead groups, %s" % when, r"GROUP +COUNT.*\n[0-9a-f]{12} +2 ", c.run("dead", "groups", *s))
    c.told("links, %s" % when, r"CRONUS International Ltd\./", c.run("links", "--limit", "3", *s))
    c.told("a cut list says how to go on, %s" % when, r"there may be more: --after \d+\n$",
           c.run("links", "--limit", "3", *s))
    for command in (["status"], ["jobs"], ["dead"], ["dead", "groups"], ["links"]):
        result = c.run(*command, "--json", *s)
        try:
            value = json.loads(result.out)
            problem = [] if isinstance(value, dict) and result.code == 0 else ["exit code %s" % result.code]
        except ValueError as why:
            problem = [str(why), result.out[:200]]
        check("%s --json, %s" % (" ".join(command), when), problem)
    jobs = json.loads(c.run("dead", "--json", *s).out)["jobs"]
    shown = c.run("dead", "show", str(jobs[0]["id"]), *s)
    c.told("dead show, %s" % when, r"(?s)field +Customer_Posting_Group.*rule .*way out ", shown)
    c.told("dead of one group, %s" % when, r"Customer_Posting_Group", c.run("dead", "--group", jobs[0]["group"], *s))
    c.told("link by Odoo id, %s" % when, r"CRONUS|no links", c.run("links", "--flow", "customer", "--odoo", "9", *s))
    c.refused("dead show of none, %s" % when, 1, r"there is no job 99999", c.run("dead", "show", "99999", *s))
    c.refused("dead retry of none, %s" % when, 1, r"there is no job 99999", c.run("dead", "retry", "99999", *s))
    c.refused("dead drop of none, %s" % when, 1, r"there is no job 99999", c.run("dead", "drop", "99999", *s))
    return jobs


def letters(c, letter, number):
    """One letter is carried off and back, mended by an editor and from a file, and goes out."""
    s = ["--state", "s"]
    first = c.run("dead", "export", letter, *s)
    c.told("an export is a letter a line", r'^\{"attempts":.*"record":"CRONUS[^"]*/%s"' % number, first)
    with open(c.work + "/letters", "w") as f:
        f.write(first.out + "no letter\n")
    c.refused("an import names its line", 1, r"letters:2: .*one letter a line", c.run("dead", "import", "letters", *s))
    with open(c.work + "/letters", "w") as f:
        f.write(first.out)
    c.told("a letter that is there is known", r"0 added, 0 mended, 1 known", c.run("dead", "import", "letters", *s))
    c.run("dead", "drop", letter, *s)
    c.told("a letter comes back", r"1 added, 0 mended", c.run("dead", "import", "letters", *s))
    check("it is the one that left", [] if c.run("dead", "export", "--all", *s).out == first.out else ["it changed"])
    letter = str(json.loads(c.run("dead", "--json", *s).out)["jobs"][-1]["id"])

    c.refused("edit without an editor", 1, r"no editor: set EDITOR", c.run("dead", "edit", letter, *s, env={"EDITOR": ""}))
    kept = c.run("dead", "edit", letter, *s, env={"EDITOR": "sed -i s/Name/Nmae/"})
    c.refused("what an editor leaves is checked, and kept", 1, r"no field Nmae; did you mean Name\?; your text is in /\S+", kept)
    os.remove(re.search(r"your text is in ([^:]+):", "".join(kept.complaints)).group(1))
    c.refused("a mended record obeys the rules", 1, r"Customer_Posting_Group is empty; fill it in",
              c.run("dead", "edit", letter, "Name=Anna", *s))
    c.told("an editor mends", r"is mended; navodoo dead retry %s sends it" % letter,
           c.run("dead", "edit", letter, *s, env={"EDITOR": r"""sed -i '/Customer_Posting_Group/s/""/"EU"/'"""}))
    c.told("both are shown", r'Customer_Posting_Group +"" +"EU"', c.run("dead", "show", letter, *s))
    c.told("retry of a mended one", r"1 ready", c.run("dead", "retry", letter, *s))
    c.told("a mended letter goes out", r"customer: .* 0 dead letters", c.once("s"))
    c.told("nothing is left of it", r"no dead letters", c.run("dead", *s))


def engines(c):
    c.told("first run", r"(?m)^customer: 40 read, 40 created, 0 adopted", c.once("s"))
    dump = c.post(c.nav, "dump?table=Customer", method="GET")["Customer"]
    for row in dump[:2]:
        c.post(c.nav, "edit", {"table": "Customer", "key": row["No"], "fields": {"Customer_Posting_Group": ""}})
    made = c.once("s")
    c.told("a run that makes dead letters", r"2 dead letters", made, code=3)
    named = [l for l in made.log if re.match(r"dead letter \d+, CRONUS.*: Customer_Posting_Group is empty", l["text"])]
    check("the log names them with their way out", [] if len(named) == 2 and all(l["way_out"] for l in named) else [str(made.log)])
    looks(c, "stopped")

    engine = start(c, "s")
    jobs = looks(c, "running")
    c.refused("a second engine", 1, r"in use by another engine \(process %d\); stop that one first" % engine.pid, c.once("s"))
    group = jobs[0]["group"]
    c.told("retry of a group, running", r"^2 ready to be tried again", c.run("dead", "retry", "--group", group, "--state", "s"))
    code = stop(engine)
    check("an engine ends at SIGTERM with 0", [] if code == 0 else ["exit code %s" % code])
    c.told("drop, stopped", r"dropped", c.run("dead", "drop", str(jobs[0]["id"]), "--state", "s"))
    letters(c, str(jobs[1]["id"]), dump[1]["No"])

    engine = start(c, "s")
    engine.send_signal(signal.SIGKILL)
    engine.communicate()
    c.told("status after a kill", r"^engine: not running", c.run("status", "--state", "s"))

    engine = start(c, "s-away", "--set", "odoo.url=http://127.0.0.1:1")
    code = stop(engine)
    check("an engine whose target is away ends at SIGTERM", [] if code == 0 else ["exit code %s" % code])

    wrong = c.run("run", FLOWS, "--state", "s-auth", *c.here, env={"NAVODOO_NAV_PASSWORD": "wrong"})
    c.refused("an engine with a wrong password ends", 2, r"flow customer did not run: nav: .*NAVODOO_NAV_PASSWORD", wrong)

    c.post(c.odoo, "faults", {"contains": '"load"', "kind": "status", "status": 503})
    c.post(c.nav, "edit", {"table": "Customer", "key": dump[5]["No"], "fields": {"Phone_No": "+43 1 5550199"}})
    c.told("jobs that wait", r"1 jobs left waiting; see navodoo jobs", c.once("s", "--wait", "100ms"), code=4)
    c.post(c.odoo, "faults", method="DELETE")


def main():
    c = Cli(sys.argv[1])
    try:
        for group in (wrong_use, mistaken_flow, schemas, wrong_systems, folders, engines):
            group(c)
    finally:
        c.close()
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: cli.py NAVODOO")
    sys.exit(main())
