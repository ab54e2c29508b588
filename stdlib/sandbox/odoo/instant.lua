--- Dates and instants in Odoo's written form: naive UTC, "2026-03-04" and "2026-03-04 05:06:07".
--
-- Reading refuses in the words of Python's strptime, which Odoo lets through.

local faults = require "sandbox.odoo.faults"
local py = require "sandbox.odoo.py"

local instant = {}

local SECOND <const> = 1000000
local DAY <const> = 86400 * SECOND

--- Days since 1970-01-01 of a date in the Gregorian calendar.
local function days_of(y, m, d)
  if m <= 2 then y = y - 1 end
  local era = y // 400
  local yoe = y - era * 400
  local doy = (153 * (m + (m > 2 and -3 or 9)) + 2) // 5 + d - 1
  return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468
end

local function date_of(days)
  local z = days + 719468
  local era = z // 146097
  local doe = z - era * 146097
  local yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
  local doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
  local mp = (5 * doy + 2) // 153
  local m = mp + (mp < 10 and 3 or -9)
  return yoe + era * 400 + (m <= 2 and 1 or 0), m, doy - (153 * mp + 2) // 5 + 1
end

--- "2026-03-04 05:06:07"; the microseconds are cut, as Odoo does when it reads a record.
---@param us integer
---@return string
function instant.text(us)
  local y, m, d = date_of(us // DAY)
  local s = us % DAY // SECOND
  return ("%04d-%02d-%02d %02d:%02d:%02d"):format(y, m, d, s // 3600, s // 60 % 60, s % 60)
end

--- The same with its microseconds: what the database holds.
---@param us integer
---@return string
function instant.exact_text(us)
  return ("%s.%06d"):format(instant.text(us), us % SECOND)
end

local MONTHS <const> = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function month_days(y, m)
  local leap = y % 4 == 0 and (y % 100 ~= 0 or y % 400 == 0)
  return m == 2 and leap and 29 or MONTHS[m]
end

-- What each directive takes: pattern, highest value.
local DIRECTIVES <const> = {
  Y = { "^%d%d%d%d", 9999 }, m = { "^%d%d?", 12, 1 }, d = { "^%d%d?", 31, 1 },
  H = { "^%d%d?", 23 }, M = { "^%d%d?", 59 }, S = { "^%d%d?", 61 },
}

local function mismatch(value, format)
  faults.value_error(("time data %s does not match format '%s'"):format(py.repr(value), format))
end

-- strptime: the parts by directive, or the ValueError that Python would raise.
local function strptime(value, format)
  local parts, at, pos = { Y = 1900, m = 1, d = 1, H = 0, M = 0, S = 0 }, 1, 1
  while pos <= #format do
    local c = format:sub(pos, pos)
    if c == "%" then
      local name = format:sub(pos + 1, pos + 1)
      local rule = DIRECTIVES[name]
      if not rule then faults.value_error(("stray %%%% in format '%s'"):format(format)) end
      local digits = value:match(rule[1], at)
      local n = digits and tonumber(digits)
      if not n or n > rule[2] or n < (rule[3] or 0) then mismatch(value, format) end
      parts[name], at, pos = n, at + #digits, pos + 2
    elseif value:sub(at, at) == c then
      at, pos = at + 1, pos + 1
    else
      mismatch(value, format)
    end
  end
  if at <= #value then faults.value_error("unconverted data remains: " .. value:sub(at)) end
  if parts.d > month_days(parts.Y, parts.m) then
    faults.value_error("day is out of range for month")
  end
  return parts
end

--- A date field takes the first ten characters.
---@param value any
---@return string? date
function instant.date(value)
  if not py.truth(value) then return nil end
  if type(value) ~= "string" then
    faults.type_error(("'%s' object is not subscriptable"):format(py.type_name(value)))
  end
  local p = strptime(value:sub(1, 10), "%Y-%m-%d")
  return ("%04d-%02d-%02d"):format(p.Y, p.m, p.d)
end

local FORMAT <const> = "%Y-%m-%d %H:%M:%S"

--- A datetime field takes as much of "YYYY-MM-DD HH:MM:SS" as the value is long.
---@param value any
---@return integer? us
function instant.datetime(value)
  if not py.truth(value) then return nil end
  if type(value) ~= "string" then
    faults.type_error(("object of type '%s' has no len()"):format(py.type_name(value)))
  end
  local cut = #value - 2
  local p = strptime(value, FORMAT:sub(1, cut >= 0 and cut or math.max(#FORMAT + cut, 0)))
  return (days_of(p.Y, p.m, p.d) * 86400 + p.H * 3600 + p.M * 60 + p.S) * SECOND
end

--- A datetime in a domain: whole text forms with `T`, `Z` and fractions too, as PostgreSQL reads
--- them. Gives microseconds and whether only a date was written.
---@param value string
---@return integer? us
---@return boolean? is_date
---@return boolean? zoned
function instant.lenient(value)
  local y, m, d, rest = value:match("^%s*(%d%d%d%d)-(%d%d?)-(%d%d?)(.*)$")
  if not y then return nil end
  y, m, d = tonumber(y), tonumber(m), tonumber(d)
  if m < 1 or m > 12 or d < 1 or d > month_days(y, m) then return nil end
  local us = days_of(y, m, d) * DAY
  if rest:match("^%s*$") then return us, true, false end
  local h, mi, tail = rest:match("^[ T](%d%d?):(%d%d)(.*)$")
  if not h then return nil end
  local s, fraction, zone = tail:match("^:(%d%d)%.?(%d*)(.*)$")
  if not s then s, fraction, zone = "0", "", tail end
  us = us + (tonumber(h) * 3600 + tonumber(mi) * 60 + tonumber(s)) * SECOND
  if fraction ~= "" then us = us + tonumber((fraction .. "000000"):sub(1, 6)) end
  if zone == "" then return us, false, false end
  return us, false, true -- a naive column ignores the zone
end

return instant
