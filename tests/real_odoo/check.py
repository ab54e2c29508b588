import os,subprocess,time
time.sleep(5)
print(os.environ["NV_ODOO_URL"])
if os.environ.get("HOLD"):
    print(dict((k,v) for k,v in os.environ.items() if k.startswith("NV_")),flush=True)
    time.sleep(float(os.environ["HOLD"]))
