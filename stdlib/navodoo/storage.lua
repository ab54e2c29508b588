--- What the store may keep and what its disk must have left: the sections `journal` and
-- `disk` of navodoo.lua.
--
--     journal = { keep = "90d" },     -- what happened to a record, and when; or "forever"
--     disk = { low = "512MiB" },      -- with less than that left nothing new is taken in
--
-- Ninety days are a quarter's closing and its questions. 512 MiB are twice what the engine
-- writes before it can stop: its write-ahead log of 128 MiB at most, which a checkpoint then
-- copies, and what waits in memory.

local duration = require "navodoo.duration"
local problem = require "navodoo.problem"

local storage = {}

---@class navodoo.Storage
---@field keep_ms integer|false  age at which entries of the journal go; false: never
---@field low integer            bytes

local DEFAULTS <const> = { keep = "90d", low = "512MiB" }
local UNITS <const> = { B = 1, KiB = 1 << 10, MiB = 1 << 20, GiB = 1 << 30, TiB = 1 << 40,
                        kB = 1000, MB = 1000000, GB = 1000000000, TB = 1000000000000 }
--- Nothing younger goes: a generation's last entries explain what still runs.
local KEEP_MIN_MS <const> = 1000

--- Bytes of a text such as "512MiB" or "2GB".
---@param text any
---@return integer? bytes
---@return string? why
function storage.bytes(text)
  local n, unit = tostring(text):match "^(%d+)%s*(%a+)$"
  n = n and #n <= 6 and math.tointeger(tonumber(n))
  if type(text) ~= "string" or not n or not UNITS[unit] then
    return nil, ("%s: expected a size such as 512MiB or 2GB"):format(tostring(text))
  end
  return n * UNITS[unit]
end

--- Bytes as a person reads them.
---@param n integer
---@return string
function storage.size(n)
  if n >= 10 << 30 then return ("%d GiB"):format(n >> 30) end
  if n >= 10 << 20 then return ("%d MiB"):format(n >> 20) end
  return ("%d KiB"):format(n >> 10)
end

-- One key of a section; nil when it is not there or wrong, which is noted.
local function value_of(note, path, given, key, example)
  if given == nil then return nil end
  if type(given) ~= "table" then
    note(path, ("%s is a table, as in %s"):format(path, example))
    return nil
  end
  for _, name in ipairs(problem.names(given)) do
    if name ~= key then
      note(path .. "." .. name, ("unknown key in %s: %q; there is %s"):format(path, name, key),
        problem.near(name, { key }))
    end
  end
  return given[key]
end

--- Reads both sections; notes what is wrong with them.
---@param note fun(path: string, text: string, near: string?)
---@param content table  what navodoo.lua returns
---@return navodoo.Storage
function storage.read(note, content)
  local keep = value_of(note, "journal", content.journal, "keep", 'journal = { keep = "90d" }')
  local low = value_of(note, "disk", content.disk, "low", 'disk = { low = "512MiB" }')
  local ms, why
  if keep == "forever" then ms = false
  else
    ms, why = duration.ms(keep or DEFAULTS.keep)
    if ms and ms < KEEP_MIN_MS then ms, why = nil, ("%s: at least 1s, or forever"):format(keep) end
    if ms == nil then note("journal.keep", "journal.keep: " .. why) end
  end
  local bytes
  bytes, why = storage.bytes(low or DEFAULTS.low)
  if not bytes then note("disk.low", "disk.low: " .. why) end
  return { keep_ms = ms, low = bytes }
end

return storage
