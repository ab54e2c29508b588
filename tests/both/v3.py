#!/usr/bin/env python3
"""The flows of both.py over OData V3, by NAV's address alone: two populated systems meet, people
edit on both sides, addresses with composite keys follow. usage: v3.py NAVODOO
"""
import sys
import time

import both

both.SERVICE = "OData"
both.CUSTOMERS, both.VENDORS, both.SHARED, both.EDITS, both.CROSSED = 200, 60, 40, 30, 40


def spoken(w):
    """Writes went over V3, none over V4."""
    calls = w.post(w.nav, "stats", None, "GET")["calls"]
    merged = sum(n for name, n in calls.items() if name.startswith("MERGE "))
    patched = sum(n for name, n in calls.items() if name.startswith("PATCH "))
    both.check("NAV was written to by MERGE", [] if merged >= both.EDITS and not patched else [calls])


def main():
    w = both.World(sys.argv[1])
    try:
        began = time.time()
        shared = both.meeting(w)
        for part in (both.disjoint, both.crossed, both.cluster, both.gone, both.children):
            part(w, shared)
            print("%s: %.1f s" % (part.__name__, time.time() - began), flush=True)
        spoken(w)
    finally:
        w.close()
    print("%d passed, %d failed" % (both.passed, both.failed))
    return both.failed > 0


if __name__ == "__main__":
    sys.exit(main())
