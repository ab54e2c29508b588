--- What NAV 2018 does when a record is written: fields one at a time, then insert or modify.
--
-- Fields are validated in the order given, each seeing what those before it left behind: table
-- relation, assignment, the field's own code. A refusal leaves the database as it was. Without a
-- client (`gui` false, every web service call) NAV skips what needs a dialog: a town does not look
-- up its post code then. What a table adds is its own module (customer, vendor, contact, shipto);
-- what several share is here. Sources are NAV's own objects, named at each table.

local text = require "navodoo.text"
local time = require "navodoo.time"
local noticing = require "sandbox.nav.noticing"
local refusal = require "sandbox.nav.refusal"
local rows = require "sandbox.nav.rows"
local series = require "sandbox.nav.series"
local setup = require "sandbox.nav.setup"
local tables = require "sandbox.nav.tables"
local values = require "sandbox.nav.values"

local record = {}

---@class sandbox.nav.Context
---@field state table
---@field gui boolean    a person sits before it
---@field now integer

---@class sandbox.nav.Behaviour  what a table does of its own
---@field def sandbox.nav.Table
---@field series string?          the kind of number it takes (sandbox.nav.series)
---@field trigger table<string, fun(context: sandbox.nav.Context, row: table, old: table): table?>
---@field variables table<string, fun(context: sandbox.nav.Context, row: table, old: table, value: string): table?>?
---@field on_insert (fun(context: sandbox.nav.Context, row: table): table?)?
---@field after_insert fun(context: sandbox.nav.Context, row: table)?
---@field on_modify fun(context: sandbox.nav.Context, row: table)?     stamps
---@field after_modify fun(context: sandbox.nav.Context, row: table, old: table)?
---@field on_delete fun(context: sandbox.nav.Context, key: string, row: table): table?

--- What a field of a row holds.
---@param def sandbox.nav.Table
---@param row table
---@param name string
function record.get(def, row, name) return tables.value(row, def.by_name[name]) end

--- Writes a field of a row.
---@param def sandbox.nav.Table
---@param row table
---@param name string
---@param value any
function record.set(def, row, name, value) tables.put(row, def.by_name[name], value) end

--- The row's stamps: day and instant, where the table has them.
---@param def sandbox.nav.Table
---@param row table
---@param now integer
function record.stamp(def, row, now)
  record.set(def, row, "Last Date Modified", time.date(now, "UTC"))
  local name = def.by_name["Last Modified Date Time"] and "Last Modified Date Time" or "Last DateTime Modified"
  if not def.by_name[name] then return end
  local instant = time.iso(now // 1000 * 1000):gsub("(%.%d%d%d)%d+Z$", "%1Z")
  record.set(def, row, name, instant)
end

-- Triggers that cards share ----------------------------------------------------------------------------

local function compare_format(number, format)
  if #number ~= #format then return false end
  for n = 1, #format do
    local f, c = format:sub(n, n), number:sub(n, n)
    local fits
    if f == "#" then
      fits = c:find("%d")
    elseif f == "@" then
      fits = c:find("%u")
    else
      fits = f == c or f == "?"
    end
    if not fits then return false end
  end
  return true
end

-- Table 381: the number must match one of the country's formats, where it has any. A blank country
-- means the company's own. That the number is in use elsewhere is only a message.
local function vat_number(def, context, row)
  local number = text.upper(record.get(def, row, "VAT Registration No."))
  if number == "" then return nil end
  local country = record.get(def, row, "Country/Region Code")
  if country == "" then country = context.state.setup.country end
  local formats = setup.vat_formats(country)
  if not formats then return nil end
  for _, format in ipairs(formats) do
    if compare_format(number, format) then return nil end
  end
  return refusal.dialog("The entered VAT Registration number is not in agreement with the format"
    .. " specified for Country/Region Code %s.\\The following formats are acceptable: %s",
    country, table.concat(formats, ", "))
end

local function fill_from(def, row, place)
  record.set(def, row, "Post Code", place.code)
  record.set(def, row, "City", place.city)
  record.set(def, row, "Country/Region Code", place.country)
  record.set(def, row, "County", "")
end

local shared = {}

shared["City"] = function(def, context, row)
  local city = record.get(def, row, "City")
  if not context.gui or city == "" then return end
  local place = setup.city(city, record.get(def, row, "Country/Region Code"))
  if place then fill_from(def, row, place) end
end

shared["Post Code"] = function(def, _, row)
  local zip = record.get(def, row, "Post Code")
  if zip == "" then return end
  local place = setup.post_code(zip, record.get(def, row, "Country/Region Code"))
  if place then fill_from(def, row, place) end
end

shared["Country/Region Code"] = function(def, context, row, old)
  local country, zip = record.get(def, row, "Country/Region Code"), record.get(def, row, "Post Code")
  if country ~= "" and zip ~= "" then
    local place = setup.post_code_in(zip, country)
    if place then fill_from(def, row, place) end
  end
  if def.by_name["VAT Registration No."] and country ~= record.get(def, old, "Country/Region Code") then
    return vat_number(def, context, row)
  end
end

shared["VAT Registration No."] = function(def, context, row, old)
  local number = text.upper(record.get(def, row, "VAT Registration No."))
  record.set(def, row, "VAT Registration No.", number)
  if number ~= record.get(def, old, "VAT Registration No.") then return vat_number(def, context, row) end
end

shared["E-Mail"] = function(def, _, row)
  local address = record.get(def, row, "E-Mail"):gsub("^ +", ""):gsub(" +$", "")
  record.set(def, row, "E-Mail", address)
  if address == "" then return end
  local _, signs = address:gsub("@", "")
  if signs ~= 1 or address:find("^@") or address:find("@$") or address:find(" ", 1, true) then
    return refusal.dialog("The email address \"%s\" is not valid.", address)
  end
end

shared["GLN"] = function(def, _, row)
  local gln = record.get(def, row, "GLN")
  if gln == "" then return end
  if #gln ~= 13 then
    return refusal.dialog("The GLN length should be 13 and not %d.", text.utf16_length(gln))
  end
  local sum = 0
  for n = 1, 12 do sum = sum + (tonumber(gln:sub(n, n)) or 5) * (n % 2 == 1 and 1 or 3) end
  if not gln:find("^%d+$") or tonumber(gln:sub(13)) ~= (10 - sum % 10) % 10 then
    return refusal.dialog("The GLN %s is not valid.", gln)
  end
end

shared["Blocked"] = function(def, _, row)
  if record.get(def, row, "Blocked") ~= "All" and record.get(def, row, "Privacy Blocked") then
    return refusal.dialog("The Blocked field cannot be changed because the user is blocked for privacy"
      .. " reasons.")
  end
end

shared["Gen. Bus. Posting Group"] = function(def, context, row, old)
  local code = record.get(def, row, "Gen. Bus. Posting Group")
  if code == record.get(def, old, "Gen. Bus. Posting Group") then return end
  local group = code == "" and { vat_bus = "", auto = true } or context.state.setup.gen_bus[code]
  if group and group.auto then record.set(def, row, "VAT Bus. Posting Group", group.vat_bus) end
end

shared["Shipping Agent Code"] = function(def, _, row, old)
  if record.get(def, row, "Shipping Agent Code") ~= record.get(def, old, "Shipping Agent Code")
     and def.by_name["Shipping Agent Service Code"] then
    record.set(def, row, "Shipping Agent Service Code", "")
  end
end

--- The triggers of a table: its own, and the shared ones of fields that it has.
---@param def sandbox.nav.Table
---@param own table
---@return table
function record.triggers(def, own)
  local all = {}
  for name, run in pairs(shared) do
    if def.by_name[name] then
      all[name] = function(context, row, old) return run(def, context, row, old) end
    end
  end
  for name, run in pairs(own) do all[name] = run end
  return all
end

--- Triggers of the cards with number, search name and discount code: Customer and Vendor.
---@param def sandbox.nav.Table
---@param kind string   of number
---@return table
function record.card_triggers(def, kind)
  local own = {}
  own["No."] = function(context, row, old)
    if record.get(def, row, "No.") ~= record.get(def, old, "No.") then
      local refused = series.test_manual(context.state, kind)
      if refused then return refused end
      record.set(def, row, "No. Series", "")
    end
    if record.get(def, row, "Invoice Disc. Code") == "" then
      record.set(def, row, "Invoice Disc. Code", record.get(def, row, "No."))
    end
  end
  own["Name"] = function(_, row, old)
    local search = record.get(def, row, "Search Name")
    if search == "" or search == text.upper(record.get(def, old, "Name")) then
      record.set(def, row, "Search Name", values.code(record.get(def, row, "Name")))
    end
  end
  own["Privacy Blocked"] = function(_, row)
    record.set(def, row, "Blocked", record.get(def, row, "Privacy Blocked") and "All" or " ")
  end
  return own
end

-- Validation -----------------------------------------------------------------------------------------

local function related(def, context, row, field, value)
  local state = context.state
  if field.relation == "Item Unit of Measure" then -- of this item; a new one has none yet
    local number = record.get(def, row, "No.")
    if number == "" then return state.setup.codes["Unit of Measure"][value] == true end
    return state.tables[field.relation].by_key[number .. "\0" .. value] ~= nil
      or value == record.get(def, row, "Base Unit of Measure")
  end
  local other = state.tables[field.relation]
  if other then
    local found = other.by_key[value]
    if found and field.company then return (found["Type"] or "Company") == "Company" end
    return found ~= nil
  end
  if field.relation == "Shipping Agent Services" then
    value = record.get(def, row, "Shipping Agent Code") .. "/" .. value
  end
  local codes = state.setup.codes[field.relation]
  return codes ~= nil and codes[value] == true
end

--- Validates one field of a row that is being written: relation, assignment, trigger.
---@param behaviour sandbox.nav.Behaviour
---@param context sandbox.nav.Context
---@param row table     changed in place
---@param old table     the row before the write
---@param name string
---@param value any     as `values.convert` gives it
---@return sandbox.nav.Refusal?
function record.validate(behaviour, context, row, old, name, value)
  local def = behaviour.def
  local field = def.by_name[name]
  if field.relation and value ~= "" and not related(def, context, row, field, value) then
    return refusal.table_relation(field.name, def.name, value, field.relation)
  end
  tables.put(row, field, value)
  local run = behaviour.trigger[name]
  if run then return run(context, row, old) end
end

local function validate_all(behaviour, context, row, old, changes)
  for _, change in ipairs(changes) do
    local refused = change.refused
    if not refused and change.variable then
      refused = behaviour.variables[change.variable](context, row, old, change.value)
    elseif not refused then
      refused = record.validate(behaviour, context, row, old, change.name, change.value)
    end
    if refused then return refused end
  end
end

-- Writing --------------------------------------------------------------------------------------------

---@class sandbox.nav.Change
---@field name string    field name
---@field value any
---@field variable string?               of the page, instead of a field
---@field refused sandbox.nav.Refusal?   why the value cannot be taken: counts in its turn

-- The number that a new record gets, and from which series.
local function number_for(behaviour, context, row)
  if not behaviour.series or record.get(behaviour.def, row, "No.") ~= "" then return nil, nil end
  local number, refused, code = series.next(context.state, behaviour.series)
  if not number then return refused, nil end
  record.set(behaviour.def, row, "No.", number)
  record.set(behaviour.def, row, "No. Series", code)
  return nil, code
end

--- OnNewRecord, the fields, OnInsert.
---@param behaviour sandbox.nav.Behaviour
---@param context sandbox.nav.Context
---@param changes sandbox.nav.Change[]   in payload order
---@return string? key
---@return sandbox.nav.Refusal?
function record.insert(behaviour, context, changes)
  local state, def, row = context.state, behaviour.def, {}
  local refused = validate_all(behaviour, context, row, {}, changes)
  if refused then return nil, refused end
  local series_code
  refused, series_code = number_for(behaviour, context, row)
  if refused then return nil, refused end
  refused = behaviour.on_insert and behaviour.on_insert(context, row)
  if refused then return nil, refused end
  local t, key = state.tables[def.name], tables.key(def, row)
  if t.by_key[key] then return nil, refusal.exists(def, key) end
  if series_code then series.used(state, series_code, row["No."]) end
  rows.put(state, t, key, row)
  noticing.note(context, def, key, nil, row)
  if behaviour.after_insert then behaviour.after_insert(context, row) end
  return key
end

--- The fields, OnModify. The key stays what it is.
---@param behaviour sandbox.nav.Behaviour
---@param context sandbox.nav.Context
---@param key string
---@param changes sandbox.nav.Change[]
---@return sandbox.nav.Refusal?
function record.modify(behaviour, context, key, changes)
  local state = context.state
  local t = state.tables[behaviour.def.name]
  local old, row = t.by_key[key], {}
  for name, value in pairs(old) do row[name] = value end
  local refused = validate_all(behaviour, context, row, old, changes)
  if refused then return refused end
  if behaviour.on_modify then behaviour.on_modify(context, row) end
  rows.put(state, t, key, row)
  noticing.note(context, behaviour.def, key, old, row)
  if behaviour.after_modify then behaviour.after_modify(context, row, old) end
end

--- OnDelete.
---@param behaviour sandbox.nav.Behaviour
---@param context sandbox.nav.Context
---@param key string
---@return sandbox.nav.Refusal?
function record.delete(behaviour, context, key)
  local t = context.state.tables[behaviour.def.name]
  local refused = behaviour.on_delete and behaviour.on_delete(context, key, t.by_key[key])
  if refused then return refused end
  local row = t.by_key[key]
  rows.delete(context.state, t, key)
  noticing.note(context, behaviour.def, key, row, nil)
end

return record
