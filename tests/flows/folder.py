"""The flows that ship, some of them only: tests of one thing need not run four flows."""
import os
import shutil

FLOWS = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "flows"))


def only(into, *names):
    """Copies navodoo.lua, lookups, schemas, samples and the named flows to `into`/flows; answers that folder."""
    folder = os.path.join(into, "flows")
    shutil.copytree(FLOWS, folder)
    for entry in os.listdir(FLOWS):
        name, ext = os.path.splitext(entry)
        if ext == ".lua" and name != "navodoo" and name not in names:
            os.remove(os.path.join(folder, entry))
    for entry in os.listdir(os.path.join(FLOWS, "samples")):
        path = os.path.join(folder, "samples", entry)
        if os.path.isdir(path) and entry not in names:
            shutil.rmtree(path)
    shutil.rmtree(os.path.join(folder, "tests"))
    return folder
