"""Prints decimal operations and their results, for test_decimal to check.

One row a line: operation, two operands, scale, mode, result; "-" where there is
none and "!" where the operation must fail. Python's decimal is the reference;
this file adds only navodoo's own rules: at most 38 digits, zeros at the end of a
fraction given up before failing, no sign on zero, plain notation. Deterministic.
"""
import decimal
import random
import sys
from decimal import Decimal

DIGITS, MAX_SCALE = 38, 400
MODES = {
    "half_even": decimal.ROUND_HALF_EVEN,
    "half_up": decimal.ROUND_HALF_UP,
    "half_down": decimal.ROUND_HALF_DOWN,
    "up": decimal.ROUND_UP,
    "down": decimal.ROUND_DOWN,
    "ceiling": decimal.ROUND_CEILING,
    "floor": decimal.ROUND_FLOOR,
}
decimal.setcontext(decimal.Context(
    prec=2000, Emin=-999999, Emax=999999, rounding=decimal.ROUND_HALF_EVEN,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.Inexact]))
rough = decimal.Context(prec=2000, Emin=-999999, Emax=999999, traps=[])


def fit(value):
    """The text of an exact result, or "!"."""
    sign, digits, exponent = value.as_tuple()
    coefficient = int("".join(map(str, digits)))
    if exponent > 0:
        coefficient, exponent = coefficient * 10 ** exponent, 0
    while exponent < 0 and coefficient % 10 == 0 and (
            coefficient >= 10 ** DIGITS or -exponent > MAX_SCALE):
        coefficient, exponent = coefficient // 10, exponent + 1
    if coefficient >= 10 ** DIGITS or -exponent > MAX_SCALE:
        return "!"
    sign = sign if coefficient else 0
    return format(Decimal((sign, tuple(map(int, str(coefficient))), exponent)), "f")


def fixed(value, scale, mode):
    """`value` with exactly `scale` digits behind the point, or "!"."""
    result = value.quantize(Decimal((0, (1,), -scale)), rounding=MODES[mode], context=rough)
    sign, digits, exponent = result.as_tuple()
    coefficient = int("".join(map(str, digits))) * 10 ** max(exponent, 0)
    if coefficient >= 10 ** DIGITS:
        return "!"
    sign = sign if coefficient else 0
    return format(Decimal((sign, tuple(map(int, str(coefficient))), min(exponent, 0))), "f")


rng = random.Random(20240229)
EDGES = [
    "0", "-0", "0.00", "1", "-1", "10", "0.1", "-0.1", "0.5", "1.5", "2.5", "-2.5", "0.125", "1.005",
    "0.05", "99.995", "100", "1" + "0" * 37, "-1" + "0" * 37, "9" * 38, "-" + "9" * 38,
    "9" * 37 + ".9", "0." + "9" * 38, "0." + "0" * 37 + "1", "0." + "0" * 399 + "1",
    "-0." + "0" * 362 + "9" * 38, "5" + "0" * 20 + "." + "0" * 17, "1." + "0" * 37,
    "9223372036854775807", "-9223372036854775808", "18446744073709551616", "1234567.89",
    "4999999999999999999.5", "0." + "0" * 40, "340282366920938463463374607431768211.45",
]


def operand():
    kind = rng.random()
    if kind < 0.15:
        return rng.choice(EDGES)
    if kind < 0.55:  # money
        digits, scale = rng.randint(1, 14), rng.choice([0, 0, 2, 2, 2, 3, 5])
    else:
        digits, scale = rng.randint(1, DIGITS), rng.randint(0, 44)
    coefficient = rng.randrange(10 ** digits)
    if rng.random() < 0.2:
        zeros = rng.randint(0, digits)
        coefficient -= coefficient % 10 ** zeros
    sign = rng.choice([0, 0, 1]) if coefficient else 0
    return format(Decimal((sign, tuple(map(int, str(coefficient))), -scale)), "f")


def row(*columns):
    sys.stdout.write(" ".join(map(str, columns)) + "\n")


def written():
    """A number in any form that a text may have."""
    text = "".join(rng.choice("0123456789") for _ in range(rng.randint(1, 42)))
    if rng.random() < 0.3:
        text += "0" * rng.randint(1, 40)
    point = rng.randint(0, len(text))
    text = text[:point] + rng.choice(["", "."]) + text[point:]
    if rng.random() < 0.6:
        text += rng.choice("eE") + rng.choice(["", "+", "-"]) + str(rng.randint(0, 45))
    return rng.choice(["", "", "-", "+"]) + text


def main():
    pairs = [(a, b) for a in EDGES for b in EDGES]
    for _ in range(1500):
        pairs.append((operand(), operand()))
    for a, b in pairs:
        x, y = Decimal(a), Decimal(b)
        row("add", a, b, "-", "-", fit(x + y))
        row("sub", a, b, "-", "-", fit(x - y))
        row("mul", a, b, "-", "-", fit(x * y))
        row("cmp", a, b, "-", "-", int(x.compare(y)))
        if y:
            scale, mode = rng.choice([0, 2, 2, 5, 10, 38, rng.randint(0, 400)]), rng.choice(list(MODES))
            row("div", a, b, scale, mode, fixed(rough.divide(x, y), scale, mode))
        else:
            row("div", a, b, 2, "half_even", "!")
    for _ in range(700):
        a = operand()
        scale = rng.choice([0, 1, 2, 3, rng.randint(-38, 50), rng.randint(-38, 400)])
        for mode in MODES:
            row("round", a, "-", scale, mode, fixed(Decimal(a), scale, mode))
    for n in range(-3000, 3001, 25):  # every tie and its neighbours
        a = format(Decimal(n).scaleb(-3), "f")
        for mode in MODES:
            for scale in (0, 1, 2):
                row("round", a, "-", scale, mode, fixed(Decimal(a), scale, mode))
    for _ in range(2000):
        a = written()
        row("parse", a, "-", "-", "-", fit(Decimal(a)))
    for a in EDGES + [operand() for _ in range(500)]:
        value = Decimal(a)
        short = value.normalize() if value else Decimal(0)
        row("normalize", a, "-", "-", "-", format(short, "f"))
        whole = value == value.to_integral_value() and -2 ** 63 <= value < 2 ** 63
        row("integer", a, "-", "-", "-", int(value) if whole else "!")


main()
