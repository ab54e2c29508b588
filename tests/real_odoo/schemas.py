"""`navodoo schema` on a real Odoo: what it pulls, it finds again; and everything can be pulled."""
import os
import re
import shutil
import subprocess
import time

from real import URL, USERS, World


def run(tally, say, navodoo):
    world = World(navodoo, "schemas", 5)
    flows = os.path.join(world.work.name, "flows")
    shutil.copytree("flows", flows)
    shutil.rmtree(flows + "/schema", ignore_errors=True)
    os.environ["NAVODOO_ODOO_PASSWORD"] = USERS["full"]["key"]
    where = ["--set", f"nav.url={world.url['nav']}/DynamicsNAV110/ODataV4", "--set", f"odoo.url={URL}",
             "--set", "odoo.database=schemas", "--set", f"odoo.user={USERS['full']['login']}"]

    def schema(*words):
        begin = time.monotonic()
        p = subprocess.run([navodoo, "schema", words[0], flows, *words[1:], *where], capture_output=True, text=True,
                           timeout=300)
        return p.returncode, p.stdout + p.stderr, time.monotonic() - begin

    try:
        code, out, _ = schema("pull")
        fields = re.search(r"res\.partner\.json: (\d+) fields", out)
        tally.check("schema pull", (code or not fields or int(fields[1]) < 90) and out)
        code, out, _ = schema("diff")
        tally.check("schema diff finds none", code and out)
        code, out, _ = schema("pull")
        other = [line for line in out.splitlines() if not line.endswith("unchanged")]
        tally.check("schema pull again changes nothing", (code or other) and str(other[:5]))
        code, out, seconds = schema("pull", "--all")
        models = len(os.listdir(flows + "/schema/odoo"))
        say(f"schema pull --all: {models} models, {seconds:.1f} s")
        tally.check("schema pull --all", (code or models < 50) and out[-500:])
    finally:
        world.close()
