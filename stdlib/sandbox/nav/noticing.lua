--- What NAV notes beside a change: the change log (table 405) and integration records (5151).
--
-- Both for the tables that an administrator switched on: codes "Change Log Setup" and
-- "Integration Setup", by the name of the table. Every changed field is an entry of the log; a
-- record has one integration record, which stays when it is deleted. Instants are those of the
-- work, which may be committed later.

local crypto = require "navodoo.crypto"
local rows = require "sandbox.nav.rows"
local tables = require "sandbox.nav.tables"
local time = require "navodoo.time"

local noticing = {}

local LOG <const>, RECORDS <const> = "Change Log Entry", "Integration Record"

local function instant(now)
  return (time.iso(now // 1000 * 1000):gsub("(%.%d%d%d)%d+Z$", "%1Z"))
end

local function add_entry(context, def, key, kind, field_no)
  local state = context.state
  local t, parts = state.tables[LOG], tables.key_parts(key)
  local number = #t.keys + 1
  local text = {}
  for n, name in ipairs(def.keys) do text[n] = ("%s=%s"):format(name, parts[n]) end
  rows.put(state, t, rows.text_key(number), {
    ["Entry No."] = number, ["Date and Time"] = instant(context.now), ["Table No."] = def.no,
    ["User ID"] = context.gui and "PERSON" or state.user:upper(), ["Field No."] = field_no,
    ["Type of Change"] = kind ~= "Insertion" and kind or nil, ["Primary Key"] = table.concat(text, ","),
    ["Primary Key Field 1 Value"] = parts[1], ["Primary Key Field 2 Value"] = parts[2] })
end

local function log(context, def, key, old, new)
  if not old or not new then
    local first = def.by_name[def.keys[1]]
    return add_entry(context, def, key, new and "Insertion" or "Deletion", first.no)
  end
  for _, field in ipairs(def.fields) do
    if not field.readonly and tables.value(old, field) ~= tables.value(new, field) then
      add_entry(context, def, key, "Modification", field.no)
    end
  end
end

local function guid(text)
  local hash = crypto.hash(text)
  return ("%s-%s-%s-%s-%s"):format(hash:sub(1, 8), hash:sub(9, 12), hash:sub(13, 16), hash:sub(17, 20),
                                   hash:sub(21, 32))
end

local function integrate(context, def, key, new)
  local state = context.state
  local id = guid(def.name .. "\0" .. key)
  local row, t = {}, state.tables[RECORDS]
  for name, value in pairs(t.by_key[id] or {}) do row[name] = value end
  row["Table ID"], row["Integration ID"] = def.no, id
  row["Record ID"] = ("%s: %s"):format(def.name, table.concat(tables.key_parts(key), ","))
  row[new and "Modified On" or "Deleted On"] = instant(context.now)
  if new then row["Deleted On"] = nil end
  rows.put(state, t, id, row)
end

--- Notes that a row was inserted (no `old`), modified, or deleted (no `new`).
---@param context sandbox.nav.Context
---@param def sandbox.nav.Table
---@param key string
---@param old table?
---@param new table?
function noticing.note(context, def, key, old, new)
  local codes = context.state.setup.codes
  if codes["Change Log Setup"][def.name] then log(context, def, key, old, new) end
  if codes["Integration Setup"][def.name] then integrate(context, def, key, new) end
end

return noticing
