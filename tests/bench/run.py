"""Prints the figures of W1 and W3. A program that prints, not a test that fails.

  run.py NAVODOO DOUBLE [RECORDS]

W1  first load of RECORDS customers from NAV to Odoo, read-back, links and journal
    durable, in key order and with scattered keys; a plain script's figures beside.
W3  from start to ready, and memory when idle.
Reload  from the notice of a changed flow to its new version ready to take over, beside the
        old one: read, compiled, compared with both systems; without the flow's own tests.
"""
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

NAVODOO, DOUBLE = sys.argv[1:3]
RECORDS = int(sys.argv[3]) if len(sys.argv) > 3 else 100000
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "flows"))
from folder import only  # noqa: E402

WORK = tempfile.TemporaryDirectory(prefix="navodoo-bench-")
FLOWS = only(WORK.name, "customer")


def fetch(url):
    with urllib.request.urlopen(url, timeout=600) as answer:
        return json.loads(answer.read())


def stats(base):
    return fetch(base + "/stats")


def double(records, *args):
    process = subprocess.Popen([DOUBLE, "--port", "0", "--customers", str(records), *args],
                               stdout=subprocess.PIPE)
    return process, process.stdout.readline().decode().split()[-1]


def measured(command, env=None):
    """Runs to the end: (seconds, CPU seconds, peak MiB, exit code, output)."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
    out = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return (time.monotonic() - begin, usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024, process.returncode, out)


def engine(base, state, *more):
    return [NAVODOO, "run", FLOWS, "--state", state,
            "--set", f"nav.url={base}/DynamicsNAV110/ODataV4", "--set", f"odoo.url={base}",
            "--set", "odoo.database=bench", *more]


def folder_size(path):
    return sum(os.path.getsize(os.path.join(path, f)) for f in os.listdir(path)
               if os.path.isfile(os.path.join(path, f)))


def plain():
    process, base = double(RECORDS)
    wall, cpu, peak, code, _ = measured([sys.executable, os.path.join(HERE, "w1_plain.py"), base])
    calls = stats(base)
    process.kill()
    process.wait()
    report("W1 plain script", wall, cpu, peak, calls, None, code)
    return RECORDS / wall


def load(name, *args):
    process, base = double(RECORDS, *args)
    with tempfile.TemporaryDirectory(prefix="navodoo-bench-") as work:
        state = os.path.join(work, "state")
        wall, cpu, peak, code, out = measured(engine(base, state, "--once"))
        size = folder_size(state)
        calls = stats(base)
        if code not in (0, 3):
            print(out[-2000:])
    check = fetch(base + "/check")
    process.kill()
    process.wait()
    report(name, wall, cpu, peak, calls, size, code)
    print("    by the source's own key:", check)
    print("   ", out.strip().splitlines()[-1])
    return RECORDS / wall


def report(name, wall, cpu, peak, calls, size, code):
    print(f"{name}: {RECORDS / wall:,.0f} records/s, {wall:.2f} s, "
          f"CPU {1000 * cpu / RECORDS:.4f} s per 1,000, peak {peak:.1f} MiB, "
          f"{calls['requests'] / RECORDS:.4f} calls per record"
          + (f", store {size / 1048576:.1f} MiB ({size / RECORDS:.0f} bytes a record)" if size else "")
          + f", exit {code}", flush=True)


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    return 0.0


def used_cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start():
    process, base = double(10)
    with tempfile.TemporaryDirectory(prefix="navodoo-bench-") as work:
        state = os.path.join(work, "state")
        best = None
        for _ in range(5):
            begin = time.monotonic()
            run = subprocess.Popen(engine(base, state), stderr=subprocess.PIPE)
            for line in run.stderr:
                if b"flow runs" in line:
                    break
            ready = time.monotonic() - begin
            best = min(best or ready, ready)
            time.sleep(2)
            idle = resident(run.pid)
            run.terminate()
            run.wait()
    process.kill()
    process.wait()
    print(f"W3: start to ready {1000 * best:.0f} ms (best of 5), idle {idle:.1f} MiB resident")


def reload(times=200):
    process, base = double(10)
    with tempfile.TemporaryDirectory(prefix="navodoo-bench-") as work:
        flows = os.path.join(work, "flows")
        shutil.copytree(os.path.join(HERE, "../../flows"), flows)
        for name in os.listdir(flows):
            if name.endswith(".lua") and name not in ("customer.lua", "navodoo.lua"):
                os.remove(os.path.join(flows, name))
        path = os.path.join(flows, "customer.lua")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        command = engine(base, os.path.join(work, "state"))
        command[command.index("run") + 1] = flows
        run = subprocess.Popen(command, stderr=subprocess.PIPE)
        took = []
        for line in run.stderr:
            event = json.loads(line)
            if event["text"] == "flow reloaded":
                took.append(event["ms"])
            if event["text"] == "flow runs":
                if len(took) == times:
                    break
                with open(path + ".new", "w", encoding="utf-8") as f:
                    f.write(text + f"-- {len(took)}\n")
                os.rename(path + ".new", path)
                run.send_signal(signal.SIGHUP)
        resident_after, cpu = resident(run.pid), used_cpu(run.pid)
        run.terminate()
        run.wait()
    process.kill()
    process.wait()
    took.sort()
    print(f"reload: {took[len(took) // 2]} ms to ready (median of {times}), {took[times * 99 // 100]} ms (p99), "
          f"{took[0]} ms (best), CPU {1000 * cpu / times:.1f} ms each; {resident_after:.1f} MiB resident after {times}")


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(f"{RECORDS:,} records, {os.cpu_count()} cores; records/s are wall clock: use the ratios")
    script = plain()
    ordered = load("W1 navodoo, key order")
    scattered = load("W1 navodoo, scattered keys", "--scatter")
    print(f"ratios: navodoo / plain script {ordered / script:.2f}, "
          f"scattered / key order {scattered / ordered:.2f}")
    start()
    reload()


if __name__ == "__main__":
    main()
