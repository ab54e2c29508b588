--- What NAV 2018 does when a customer is written: field triggers, insert, modify, delete.
--
-- Fields are validated one at a time in the order given, each seeing what those before it left
-- behind. A refusal leaves the database as it was. Without a client (`gui` false, every web service
-- call) NAV skips what needs a dialog: a town does not look up its post code then.

local text = require "navodoo.text"
local time = require "navodoo.time"
local refusal = require "sandbox.nav.refusal"
local rows = require "sandbox.nav.rows"
local series = require "sandbox.nav.series"
local setup = require "sandbox.nav.setup"
local tables = require "sandbox.nav.tables"
local values = require "sandbox.nav.values"

local customer = {}

local DEF <const> = tables.Customer
local FIELD <const> = DEF.by_name

local function get(row, name) return tables.value(row, FIELD[name]) end
local function set(row, name, value) tables.put(row, FIELD[name], value) end

-- Triggers: (context, row as it becomes, row as it was) -> refusal or nil ------------------------------

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
local function vat_number(context, row)
  local number = text.upper(get(row, "VAT Registration No."))
  if number == "" then return nil end
  local country = get(row, "Country/Region Code")
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

local function fill_from(row, place)
  set(row, "Post Code", place.code)
  set(row, "City", place.city)
  set(row, "Country/Region Code", place.country)
  set(row, "County", "")
end

local trigger = {}

trigger["No."] = function(context, row, old)
  if get(row, "No.") ~= get(old, "No.") then
    local refused = series.test_manual(context.state)
    if refused then return refused end
    set(row, "No. Series", "")
  end
  if get(row, "Invoice Disc. Code") == "" then set(row, "Invoice Disc. Code", get(row, "No.")) end
end

trigger["Name"] = function(_, row, old)
  local search = get(row, "Search Name")
  if search == "" or search == text.upper(get(old, "Name")) then
    set(row, "Search Name", values.code(get(row, "Name")))
  end
end

trigger["City"] = function(context, row)
  local city = get(row, "City")
  if not context.gui or city == "" then return end
  local place = setup.city(city, get(row, "Country/Region Code"))
  if place then fill_from(row, place) end
end

trigger["Post Code"] = function(_, row)
  local zip = get(row, "Post Code")
  if zip == "" then return end
  local place = setup.post_code(zip, get(row, "Country/Region Code"))
  if place then fill_from(row, place) end
end

trigger["Country/Region Code"] = function(context, row, old)
  local country, zip = get(row, "Country/Region Code"), get(row, "Post Code")
  if country ~= "" and zip ~= "" then
    local place = setup.post_code_in(zip, country)
    if place then fill_from(row, place) end
  end
  if country ~= get(old, "Country/Region Code") then return vat_number(context, row) end
end

trigger["VAT Registration No."] = function(context, row, old)
  set(row, "VAT Registration No.", text.upper(get(row, "VAT Registration No.")))
  if get(row, "VAT Registration No.") ~= get(old, "VAT Registration No.") then
    return vat_number(context, row)
  end
end

trigger["Blocked"] = function(_, row)
  if get(row, "Blocked") ~= "All" and get(row, "Privacy Blocked") then
    return refusal.dialog("The Blocked field cannot be changed because the user is blocked for privacy"
      .. " reasons.")
  end
end

trigger["Privacy Blocked"] = function(_, row)
  set(row, "Blocked", get(row, "Privacy Blocked") and "All" or " ")
end

trigger["Gen. Bus. Posting Group"] = function(context, row, old)
  local code = get(row, "Gen. Bus. Posting Group")
  if code == get(old, "Gen. Bus. Posting Group") then return end
  local group = code == "" and { vat_bus = "", auto = true } or context.state.setup.gen_bus[code]
  if group and group.auto then
    return customer.validate(context, row, old, "VAT Bus. Posting Group", group.vat_bus)
  end
end

trigger["Shipping Agent Code"] = function(_, row, old)
  if get(row, "Shipping Agent Code") ~= get(old, "Shipping Agent Code") then
    set(row, "Shipping Agent Service Code", "")
  end
end

trigger["E-Mail"] = function(_, row)
  local address = get(row, "E-Mail"):gsub("^ +", ""):gsub(" +$", "")
  set(row, "E-Mail", address)
  if address == "" then return end
  local _, signs = address:gsub("@", "")
  if signs ~= 1 or address:find("^@") or address:find("@$") or address:find(" ", 1, true) then
    return refusal.dialog("The email address \"%s\" is not valid.", address)
  end
end

trigger["GLN"] = function(_, row)
  local gln = get(row, "GLN")
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

trigger["Primary Contact No."] = function(_, row) set(row, "Contact", "") end

-- Validation -----------------------------------------------------------------------------------------

local function related(context, row, field, value)
  local state = context.state
  if field.relation == "Customer" then return state.tables.Customer.by_key[value] ~= nil end
  if field.relation == "Shipping Agent Services" then
    value = get(row, "Shipping Agent Code") .. "/" .. value
  end
  local codes = state.setup.codes[field.relation]
  return codes ~= nil and codes[value] == true
end

--- Validates one field of a row that is being written: relation, assignment, trigger.
---@param context { state: table, gui: boolean }
---@param row table     changed in place
---@param old table     the row before the write
---@param name string
---@param value any     as `values.convert` gives it
---@return sandbox.nav.Refusal?
function customer.validate(context, row, old, name, value)
  local field = FIELD[name]
  if field.relation and value ~= "" and not related(context, row, field, value) then
    return refusal.table_relation(field.name, DEF.name, value, field.relation)
  end
  tables.put(row, field, value)
  local run = trigger[name]
  if run then return run(context, row, old) end
end

local function validate_all(context, row, old, changes)
  for _, change in ipairs(changes) do
    local refused = change.refused or customer.validate(context, row, old, change.name, change.value)
    if refused then return refused end
  end
end

local function stamp(row, now)
  set(row, "Last Date Modified", time.date(now, "UTC"))
  set(row, "Last Modified Date Time", time.iso(now // 1000 * 1000):gsub("(%.%d%d%d)%d+Z$", "%1Z"))
end

---@class sandbox.nav.Change
---@field name string    field name
---@field value any
---@field refused sandbox.nav.Refusal?   why the value cannot be taken: counts in its turn

--- OnNewRecord, the fields, OnInsert.
---@param context { state: table, gui: boolean, now: integer }
---@param changes sandbox.nav.Change[]   in payload order
---@return string? key
---@return sandbox.nav.Refusal?
function customer.insert(context, changes)
  local state, row, old = context.state, {}, {}
  local refused = validate_all(context, row, old, changes)
  if refused then return nil, refused end
  local number, series_code = get(row, "No."), nil
  if number == "" then
    number, refused, series_code = series.next(state)
    if not number then return nil, refused end
    set(row, "No.", number)
    set(row, "No. Series", series_code)
  end
  if get(row, "Invoice Disc. Code") == "" then set(row, "Invoice Disc. Code", number) end
  stamp(row, context.now)
  local t = state.tables.Customer
  if t.by_key[number] then return nil, refusal.exists(DEF.name, DEF.key, number) end
  if series_code then series.used(state, series_code, number) end
  rows.put(state, t, number, row)
  return number
end

--- The fields, OnModify. The number stays what it is.
---@param context { state: table, gui: boolean, now: integer }
---@param key string
---@param changes sandbox.nav.Change[]
---@return sandbox.nav.Refusal?
function customer.modify(context, key, changes)
  local state = context.state
  local t = state.tables.Customer
  local old, row = t.by_key[key], {}
  for name, value in pairs(old) do row[name] = value end
  local refused = validate_all(context, row, old, changes)
  if refused then return refused end
  stamp(row, context.now)
  rows.put(state, t, key, row)
end

--- OnDelete: entries of an open year keep a customer.
---@param context { state: table }
---@param key string
---@return sandbox.nav.Refusal?
function customer.delete(context, key)
  local t = context.state.tables.Customer
  local row = t.by_key[key]
  if get(row, "Sales (LCY)") ~= "0" or get(row, "Balance (LCY)") ~= "0" then
    return refusal.dialog("You cannot delete %s %s because it has ledger entries in a fiscal year that"
      .. " has not been closed yet.", DEF.name, key)
  end
  rows.delete(context.state, t, key)
end

return customer
