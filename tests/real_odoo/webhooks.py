"""Webhooks on a real Odoo: `navodoo hooks` makes the rules, Odoo fires them, NAV has the change.

The engine polls Odoo once an hour here: what arrives in time came by a hook.
"""
import os
import re
import shutil
import signal
import subprocess
import time

from real import URL, USERS, World, client

CUSTOMERS, EDITS = 20, 5
SECRET = "the-master-secret-of-the-hooks"
SETTLE = 30  # seconds that a change may take to NAV


class Hooked(World):
    """A World whose engine listens, and polls Odoo once an hour only."""

    def flows(self):
        folder = os.path.join(self.work.name, "flows")
        if not os.path.exists(folder):
            shutil.copytree("flows", folder)
            for name in os.listdir(folder):
                if name.endswith(".lua") and name not in ("customer.lua", "navodoo.lua"):
                    os.remove(os.path.join(folder, name))
            path = os.path.join(folder, "customer.lua")
            with open(path, encoding="utf-8") as f:
                text, n = re.subn(r'(hook = "partner", every = )"\w+"', r'\1"1h"', f.read())
            assert n == 1, "the customer flow listens to no hook"
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        return folder

    def where(self, *more):
        user = USERS[self.who]
        settings = [f"nav.url={self.url['nav']}/DynamicsNAV110/ODataV4", f"odoo.url={URL}",
                    f"odoo.database={self.database}", f"odoo.user={user['login']}", "odoo.api=jsonrpc", *more]
        return [word for s in settings for word in ("--set", s)]

    def environment(self):
        user = USERS[self.who]
        return dict(os.environ, NAVODOO_HOOK_SECRET=SECRET, NAVODOO_ODOO_PASSWORD=user["password"])

    def hooks(self, what, port):
        p = subprocess.run([self.navodoo, "hooks", what, "customer", "--flows", self.flows(),
                            *self.where(f"odoo.hook_url=http://127.0.0.1:{port}")],
                           capture_output=True, text=True, env=self.environment(), timeout=60)
        return p.returncode, p.stdout + p.stderr

    def listen(self):
        path = os.path.join(self.work.name, "listener")
        with open(path, "wb") as f:
            engine = subprocess.Popen([self.navodoo, "run", self.flows(), "--state", self.state, "--listen",
                                       "127.0.0.1:0", *self.where()], stderr=f, env=self.environment())
        for _ in range(300):
            with open(path, encoding="utf-8") as f:
                text = f.read()
            found = re.search(r'"port":(\d+)', text)
            if found and "flow runs" in text:
                return engine, int(found.group(1))
            time.sleep(0.1)
        raise AssertionError("the engine does not listen: " + text[-500:])


    def loaded(self):
        """Waits until all customers are in Odoo or with a person; what is left, or None."""
        left = "nothing was asked"
        for _ in range(300):
            flow = self.command("status")["flows"][0]
            waiting = flow["jobs"].get("ready", 0) + flow["jobs"].get("waiting", 0)
            if not waiting and flow["links"] >= CUSTOMERS // 2:
                return None
            left = f"{waiting} jobs, {flow['links']} links"
            time.sleep(0.2)
        return left


def nav_has(world, names):
    """Seconds until NAV has these names, or None."""
    begin = time.monotonic()
    while time.monotonic() - begin < SETTLE:
        if names <= {c["Name"] for c in world.customers()}:
            return time.monotonic() - begin
        time.sleep(0.2)
    return None


def run(tally, say, navodoo):
    world = Hooked(navodoo, "hooks", CUSTOMERS, who="settings")
    engine = None
    try:
        engine, port = world.listen()
        loaded = world.loaded()
        tally.check("the first load is done", loaded)
        code, out = world.hooks("install", port)
        tally.check("hooks install makes the rules", code and out)
        code, out = world.hooks("check", port)
        tally.check("hooks check is content", code and out)
        person, settings = client("hooks", "plain"), client("hooks", "settings")
        parked = {str(j["record"]) for j in world.command("dead", "--limit", "1000")["jobs"]}
        partners = [p for p in world.partners() if p["customer_rank"] and p["active"]
                    and str(p["id"]) not in parked][:EDITS]
        time.sleep(5)  # the first poll of Odoo is over, the next one is an hour away
        for n, p in enumerate(partners):
            person.call("res.partner", "write", [p["id"]], {"name": f"Hooked {n}"})
        took = nav_has(world, {f"Hooked {n}" for n in range(len(partners))})
        say(f"hooks: {len(partners)} saves in Odoo are in NAV "
            + (f"after {took:.1f} s" if took is not None else "not in time"))
        tally.check("what a person saves in Odoo is in NAV at once",
                    took is None and "not in NAV")
        rules = settings.rows("base.automation", [["name", "like", "navodoo"]], ["trigger"])
        settings.call("base.automation", "write", [r["id"] for r in rules], {"active": False})
        code, out = world.hooks("check", port)
        tally.check("a rule that is switched off is found", (code != 1 or "inactive" not in out) and out)
        world.hooks("install", port)
        code, out = world.hooks("check", port)
        tally.check("and made as it should be by installing again", code and out)
        code, out = world.hooks("remove", port)
        left = settings.call("base.automation", "search", [["active", "in", [True, False]]])
        tally.check("hooks remove leaves none of ours", (code or left) and f"{out} {left}")
    finally:
        if engine:
            engine.send_signal(signal.SIGTERM)
            engine.wait(30)
        world.close()
