"""navodoo repl in a real terminal: tmux types and reads the screen.

Editing, history, completion, samples, live records, the editor, the watch, the calls; and
in the end both systems say that nothing was ever written.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

BINARY = os.path.abspath(sys.argv[1])
WORK = tempfile.mkdtemp()
SOCKET = "navodoo-test-%d" % os.getpid()
passed = failed = 0


def tmux(*words):
    return subprocess.run(["tmux", "-L", SOCKET, "-f", "/dev/null", *words], capture_output=True, text=True)


def keys(*words):
    tmux("send-keys", "-t", "repl", *words)


def type_line(text):
    tmux("send-keys", "-t", "repl", "-l", text)
    keys("Enter")


def screen():
    return tmux("capture-pane", "-p", "-J", "-S", "-200", "-t", "repl").stdout.rstrip()


def wait_for(pattern, since=0, seconds=20):
    """The screen once it shows the pattern behind `since` characters, else None."""
    end = time.time() + seconds
    while time.time() < end:
        text = screen()
        if re.search(pattern, text[since:], re.M):
            return text
        time.sleep(0.05)
    return None


def check(name, pattern, since=0):
    global passed, failed
    text = wait_for(pattern, since)
    if text is not None:
        passed += 1
        return text
    failed += 1
    print("FAILED: %s: the screen does not show %s\n%s" % (name, pattern, screen()[-3000:]))
    return ""


def is_true(name, value):
    global passed, failed
    passed, failed = (passed + 1, failed) if value else (passed, failed + 1)
    if not value:
        print("FAILED: " + name)


def fresh():
    """Clears the screen and its history, so that the next pattern is about what follows."""
    tmux("send-keys", "-t", "repl", "C-l")
    time.sleep(0.2)
    tmux("clear-history", "-t", "repl")


def stats(url):
    with urllib.request.urlopen(url + "/_sandbox/stats") as answer:
        return json.load(answer)


def open_sandbox():
    process = subprocess.Popen([BINARY, "sandbox", "--customers", "20", "--nav", "127.0.0.1:0", "--odoo",
                                "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    urls = [process.stdout.readline().split()[1] for _ in range(2)]
    return process, urls[0], urls[1]


def main():
    shutil.copytree("flows", WORK + "/flows")
    flow = WORK + "/flows/customer.lua"
    with open(WORK + "/editor", "w") as f: # what a person does in an editor
        f.write("#!/bin/sh\nsed -i 's/\"email\", *map.lower/\"email\", map.upper/' \"$1\"\n")
    os.chmod(WORK + "/editor", 0o755)
    sandbox, nav, odoo = open_sandbox()
    environment = dict(os.environ, HOME=WORK, EDITOR=WORK + "/editor", TERM="screen", NO_COLOR="1")
    command = "cd %s && %s repl flows/ --flow customer --set nav.url=%s/DynamicsNAV110/ODataV4 --set odoo.url=%s; echo ENDED $?; cat" % (
        WORK, BINARY, nav, odoo)
    subprocess.run(["tmux", "-L", SOCKET, "-f", "/dev/null", "new-session", "-d", "-s", "repl", "-x", "150", "-y",
                    "60", command], env=environment, check=True)
    try:
        check("it says what it is", r"nothing is ever written")
        check("it has a prompt", r"^navodoo> ?$")
        tmux("send-keys", "-t", "repl", "-l", "lo")
        keys("Tab")
        check("tab completes a command", r"^navodoo> load ?$")
        tmux("send-keys", "-t", "repl", "-l", "flows/samples/customer/bl")
        keys("Tab")
        check("tab completes a file", r"load flows/samples/customer/blocked\.json")
        keys("Enter")
        check("a sample is shown side by side", r"^NAV +Odoo +why$")
        check("a field has its value on both sides", r"Country_Region_Code \"EL\" +→ country_id 88")
        check("a field has its reason", r"Blocked \"All\" +→ active false +get flows/customer\.lua:\d+")
        fresh()
        type_line("why country_id")
        check("why tells every step", r"flows/lookups/country\.lua: \"EL\" -> \"GR\"\n +lookup country: \"GR\" -> 88")
        fresh()
        type_line("record.Name:len() .. \" bytes\"")
        check("Lua sees the record", r"^\"\d+ bytes\"$")
        fresh()
        type_line("os.execute(\"true\")")
        check("Lua sees nothing else", r"unknown name os")
        fresh()
        type_line("while true do end")
        check("Lua is stopped", r"instruction budget exceeded")
        fresh()
        keys("Up", "Up")
        check("the arrow recalls lines", r"^navodoo> os\.execute")
        keys("C-c")
        check("Ctrl-C empties the line", r"^navodoo> *$")
        tmux("send-keys", "-t", "repl", "-l", "record.Name == \"ü\"")
        keys("BSpace", "BSpace")
        tmux("send-keys", "-t", "repl", "-l", "ö\"")
        keys("Home")
        tmux("send-keys", "-t", "repl", "-l", "not ")
        check("lines are edited, umlauts too", r"^navodoo> not record\.Name == \"ö\"$")
        keys("Enter")
        check("and run", r"^false$")
        fresh()
        type_line("edit")
        check("the editor changes the flow, and the result is told",
              r"email: \"the\.cannon.*\" -> \"THE\.CANNON.*from E_Mail by map upper")
        fresh()
        type_line("watch")
        check("the watch begins", r"watching flows")
        text = open(flow).read()
        with open(flow + ".new", "w") as f:
            f.write(re.sub(r'"email", *map\.upper', '"email", map.lower', text))
        os.rename(flow + ".new", flow)
        check("a saved file is mapped again", r"email: \"THE\.CANNON.*-> \"the\.cannon.*map lower")
        with open(flow, "w") as f:
            f.write(text.replace("map.upper", "map.uper"))
        check("a mistake is told, and the watch goes on", r"there is no map\.uper \(did you mean upper\?\)")
        with open(flow, "w") as f:
            f.write(text)
        check("until it is mended", r"-> \"THE\.CANNON")
        keys("Enter")
        check("Enter ends the watch", r"^navodoo> *$")
        fresh()
        type_line("load nav 10000")
        check("a live record is mapped", r"CustomerCard 10000, not linked, nav to odoo, new")
        fresh()
        type_line("calls")
        text = check("the calls are shown", r"POST /\S+ +\(res\.partner load\)")
        check("as not sent", r"not sent: this command only reads")
        is_true("no password is shown", "sandbox\",\"res.partner" not in text and "password" not in text)
        fresh()
        type_line("load odoo 3")
        check("a record of Odoo is mapped the other way", r"odoo to nav")
        type_line("calls")
        check("and would be a call to NAV", r"POST /Company\S*CustomerCard|the record is refused|nothing would be sent")
        keys("C-d")
        check("Ctrl-D ends it", r"^ENDED 0$")
        history = open(WORK + "/.navodoo_history").read()
        is_true("the history is kept", "why" in history and "calls" in history)
        is_true("for its owner only", os.stat(WORK + "/.navodoo_history").st_mode & 0o077 == 0)
        is_true("NAV was not written", all(t["creates"] == t["updates"] == 0 for t in stats(nav)["tables"].values()))
        writes = [c for c in stats(odoo)["calls"] if re.search(r"\.(create|write|unlink|load)$", c)]
        is_true("Odoo was not written: %s" % writes, not writes)
    finally:
        tmux("kill-server")
        sandbox.terminate()
        sandbox.wait()
        shutil.rmtree(WORK)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


main()
