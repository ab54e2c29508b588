"""Reads a test program's output, prints 'passed failed skipped'.

Understands our own closing line ("N passed, N failed[, N skipped]") and cmocka's.
A program that ended badly without counting a failure counts as one failed test.
"""
import re
import sys

code = int(sys.argv[1])
text = sys.stdin.read()
passed = failed = skipped = 0
ours = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", text, re.M)
if ours:
    passed, failed, skipped = (int(x or 0) for x in ours[-1])
else:
    passed = sum(map(int, re.findall(r"^\[  PASSED  \] (\d+) test", text, re.M)))
    failed = sum(map(int, re.findall(r"^\[  FAILED  \] (?:[^:\n]*: )?(\d+) test", text, re.M)))
    skipped = sum(map(int, re.findall(r"^\[  SKIPPED \] (?:[^:\n]*: )?(\d+) test", text, re.M)))
    if not (passed or failed or skipped) and code == 0:
        passed = 1
if code != 0 and failed == 0:
    failed = 1
print(passed, failed, skipped)
