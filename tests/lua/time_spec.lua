--- navodoo.time: instants, dates, zones, durations, time tables.

local time = require "navodoo.time"

local function at(text) return assert(time.parse_iso(text)) end

local function next_of(expr, zone, after)
  local us, why = time.cron_next(expr, zone, at(after))
  return us and time.iso(us), why
end

describe("time.iso and time.parse_iso", function()
  it("go both ways, with microseconds only when there are some", function()
    expect(time.iso(0)):equals("1970-01-01T00:00:00Z")
    expect(time.iso(-1)):equals("1969-12-31T23:59:59.999999Z")
    for _, text in ipairs { "0001-01-01T00:00:00Z", "2024-02-29T12:34:56.000001Z",
                            "9999-12-31T23:59:59.999999Z" } do
      expect(time.iso(at(text))):equals(text)
    end
  end)

  it("read offsets, naive times as UTC and dates as midnight", function()
    expect(at("2024-02-29T11:00:00+01:00")):equals(at("2024-02-29T10:00:00Z"))
    expect(at("2024-02-29T10:00:00")):equals(at("2024-02-29T10:00:00Z"))
    expect(at("2024-02-29")):equals(at("2024-02-29T00:00:00Z"))
    expect(math.type(at("2018-10-26T12:54:30.503Z"))):equals("integer")
  end)

  it("give nil and why for text that is not an instant", function()
    for text, why in pairs { ["2023-02-29"] = "no such date", ["2024-01-01T24:00:00Z"] = "no such time",
                             ["yesterday"] = "YYYY%-MM%-DD", ["2024-01-01 10:00:00"] = "THH:MM:SS" } do
      local us, problem = time.parse_iso(text)
      expect(us):is_nil()
      expect(problem):matches(why)
    end
  end)

  it("raise for an instant that cannot be written", function()
    expect.raises(function() time.iso(math.maxinteger) end, "0001 to 9999")
    expect.raises(function() time.iso(1.5) end, "integer")
  end)
end)

describe("time in a zone", function()
  it("has the local date and fields", function()
    local us = at("2024-07-01T22:30:05Z")
    expect(time.date(us)):equals("2024-07-01")
    expect(time.date(us, "Europe/Copenhagen")):equals("2024-07-02")
    expect(time.fields(us, "Europe/Copenhagen")):equals {
      year = 2024, month = 7, day = 2, hour = 0, min = 30, sec = 5, wday = 2 }
    expect(time.fields(us, "America/New_York").hour):equals(18)
  end)

  it("knows which names are zones", function()
    expect(time.zone_valid("UTC")):is_true()
    expect(time.zone_valid("Europe/Copenhagen")):is_true()
    for _, name in ipairs { "", "Mars/Base", "../../etc/passwd", "+02:00", "Europe" } do
      expect(time.zone_valid(name)):is_false()
    end
    expect(time.zone_valid(nil)):is_false()
    expect(time.zone_valid(5)):is_false()
  end)

  it("raises for a name that is none", function()
    expect.raises(function() time.date(0, "Mars/Base") end, "Mars/Base")
  end)
end)

describe("time.duration", function()
  it("is milliseconds of one number and one unit", function()
    expect(time.duration("250ms")):equals(250)
    expect(time.duration("30s")):equals(30000)
    expect(time.duration("5m")):equals(300000)
    expect(time.duration("2h")):equals(7200000)
    expect(time.duration("1d")):equals(86400000)
  end)

  it("gives nil and why for anything else", function()
    for _, text in ipairs { "", "30", "1.5h", "-5s", "1h30m", "5 m" } do
      local ms, why = time.duration(text)
      expect(ms):is_nil()
      expect(why):matches("250ms, 30s, 5m, 2h or 1d")
    end
  end)
end)

describe("time.cron_next", function()
  it("takes five fields and the short form", function()
    expect(next_of("*/15 7-18 * * mon-fri", "UTC", "2024-03-01T18:45:00Z")):equals("2024-03-04T07:00:00Z")
    expect(next_of("02:30", "UTC", "2024-03-01T02:30:00Z")):equals("2024-03-02T02:30:00Z")
  end)

  it("fires a skipped time after the gap and a repeated one once", function()
    expect(next_of("02:30", "Europe/Copenhagen", "2024-03-30T12:00:00Z")):equals("2024-03-31T01:00:00Z")
    expect(next_of("02:30", "Europe/Copenhagen", "2024-10-27T00:00:00Z")):equals("2024-10-27T00:30:00Z")
    expect(next_of("02:30", "Europe/Copenhagen", "2024-10-27T00:30:00Z")):equals("2024-10-28T01:30:00Z")
  end)

  it("names the field that is wrong, and refuses dates that never come", function()
    local us, why = next_of("60 * * * *", "UTC", "2024-01-01")
    expect(us):is_nil()
    expect(why):matches("minute field")
    us, why = next_of("0 0 30 2 *", "UTC", "2024-01-01")
    expect(us):is_nil()
    expect(why):matches("no such day")
  end)

  it("raises for an unknown zone", function()
    expect.raises(function() time.cron_next("02:30", "Mars/Base", 0) end, "Mars/Base")
  end)
end)

describe("the clocks", function()
  it("are integers that do not go back", function()
    local wall, steady = time.now(), time.monotonic()
    expect(math.type(wall)):equals("integer")
    expect(math.type(steady)):equals("integer")
    expect(time.monotonic() >= steady):is_true()
    expect(wall > at("2020-01-01")):is_true()
  end)
end)
