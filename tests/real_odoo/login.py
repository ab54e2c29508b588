"""Signing in to a real Odoo: the web session and its cookie, wrong secrets, keys that expire."""
import json
import os
import subprocess
import time

from real import URL, USERS, World, calls_since, log_mark


def sql(database, statement):
    subprocess.run([os.environ["NV_PG_BIN"] + "/psql", "-q", "-U", "odoo", "-h", os.environ["NV_PG_SOCKET"],
                    "-d", database, "-c", statement], check=True, stdout=subprocess.DEVNULL)


def by_session(tally, navodoo):
    world = World(navodoo, "websession", 20, settings=["odoo.auth=session"])
    try:
        mark = log_mark()
        world.run()
        calls = calls_since(mark)
        lost, doubled, _, wrong = world.compare()
        tally.check("session: customers arrive", lost + doubled + wrong and f"{lost} {doubled} {wrong[:5]}")
        tally.check("session: one login, no other door",
                    (calls.get("/web/session/authenticate") != 1
                     or [p for p in calls if not p.startswith(("/web/session", "/web/dataset"))
                         and not p.startswith("/jsonrpc")]) and str(calls))
        mark = log_mark()
        os.environ["NAVODOO_ODOO_PASSWORD"] = "wrong"
        engine = subprocess.run(
            [navodoo, "run", "flows/", "--once", "--state", world.state, "--set", "odoo.auth=session",
             "--set", f"nav.url={world.url['nav']}/DynamicsNAV110/ODataV4", "--set", f"odoo.url={URL}",
             "--set", "odoo.database=websession", "--set", f"odoo.user={USERS['full']['login']}"],
            capture_output=True, text=True, timeout=120)
        tries = calls_since(mark).get("/web/session/authenticate")
        tally.check("session: a wrong password ends the run, tried once",
                    (engine.returncode != 2 or tries != 1) and f"exit code {engine.returncode}, {tries} tries")
    finally:
        world.close()


def by_key(tally, navodoo):
    world = World(navodoo, "expiring", 5, api="json2", settings=["odoo.auth=api_key"])
    try:
        world.run()
        expire = "update res_users_apikeys set expiration_date = now() at time zone 'utc' + interval '%s'"
        sql("expiring", expire % "9 days 12 hours")
        os.environ["NAVODOO_ODOO_PASSWORD"] = USERS["full"]["key"]
        engine = subprocess.Popen(
            [navodoo, "run", "flows/", "--state", world.state, "--set", "odoo.auth=api_key",
             "--set", f"nav.url={world.url['nav']}/DynamicsNAV110/ODataV4", "--set", f"odoo.url={URL}",
             "--set", "odoo.database=expiring", "--set", f"odoo.user={USERS['full']['login']}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        known = None
        for _ in range(100):
            time.sleep(0.2)
            try:
                status = world.command("status")
            except subprocess.CalledProcessError:
                continue
            known = {e["name"]: e.get("expiry") for e in status["endpoints"]}.get("odoo")
            if known:
                break
        engine.terminate()
        log = engine.communicate(timeout=60)[1]
        warned = [json.loads(line) for line in log.splitlines() if line.startswith("{") and "expires on" in line]
        tally.check("API key: Odoo tells when it expires",
                    (not known or known["source"] != "odoo" or known["days"] not in (9, 10)) and str(known))
        tally.check("API key: and the log warns of it", len(warned) != 1 and log[-1000:])
        sql("expiring", expire % "-1 day")
        out = world.run(expect=(2,))
        tally.check("API key: an expired one ends the run", "Invalid apikey" not in out and out[-500:])
    finally:
        world.close()


def run(tally, navodoo):
    by_session(tally, navodoo)
    by_key(tally, navodoo)
