"""Kills amid webhooks and work on both sides (tests/crash/storm.py), on a real Odoo."""
import random

from real import World
import storm  # (tests/crash/storm.py: real has made the way there)

CUSTOMERS, KILLS, EVENTS = 30, 50, 600
ROWS = ["ref", "name", "phone", "email", "parent_id", "type", "customer_rank", "supplier_rank", "active"]


class Amid(World):
    def __init__(self, navodoo, database):
        super().__init__(navodoo, database, CUSTOMERS,
                         args=("--vendors", "10", "--contacts", "10", "--addresses", "10"))

    def odoo_rows(self):
        return self.admin.rows("res.partner", [["active", "in", [True, False]]], ROWS)

    def odoo_edit(self, key, **fields):
        if key:
            self.admin.call("res.partner", "write", [key], fields)
            return key
        return self.admin.call("res.partner", "create", [fields])[0]


def run(tally, say, navodoo, kills=KILLS, events=EVENTS):
    """Faults are the sandbox NAV's alone: nothing stands between the engine and a real Odoo."""
    world = Amid(navodoo, "amid")
    try:
        storm.storm(world, tally, kills, events, random.Random().randrange(1000), faults=("nav",))
        say(f"amid: {kills} kills")
    finally:
        world.close()
