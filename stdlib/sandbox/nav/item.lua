--- Table 27, Item: what it does of its own when it is written (N18 Table 27).
--
-- Quantities are sums over ledger entries; an item that has some keeps its type and its base unit.
-- The unit price and the profit follow each other, as Price/Profit Calculation says.

local decimal = require "navodoo.decimal"
local text = require "navodoo.text"
local record = require "sandbox.nav.record"
local refusal = require "sandbox.nav.refusal"
local rows = require "sandbox.nav.rows"
local series = require "sandbox.nav.series"
local tables = require "sandbox.nav.tables"
local values = require "sandbox.nav.values"

local item = { def = tables.Item, series = "item" }

local DEF <const> = tables.Item
local UNITS <const> = tables["Item Unit of Measure"]
local ROUNDING <const> = 5 -- digits of the company's Unit-Amount Rounding Precision

local function get(row, name) return record.get(DEF, row, name) end
local function set(row, name, value) record.set(DEF, row, name, value) end
local function key_text(row) return tables.key_text(DEF, get(row, "No.")) end

-- Are there ledger entries?
local function was_moved(row)
  return get(row, "Inventory") ~= "0" or get(row, "Net Invoiced Qty.") ~= "0"
end

-- Price, cost and profit; prices that include VAT are taken as they are.
local function calculate(row)
  local price, cost = decimal.new(get(row, "Unit Price")), decimal.new(get(row, "Unit Cost"))
  local profit, kind = decimal.new(get(row, "Profit %")), get(row, "Price/Profit Calculation")
  local hundred = decimal.new(100)
  if kind == "Profit=Price-Cost" then
    profit = decimal.new(0)
    if not price:is_zero() and not cost:is_zero() then
      profit = hundred - (hundred * cost):div(price, ROUNDING)
    end
    set(row, "Profit %", tostring(profit:normalize()))
  elseif kind == "Price=Cost+Profit" and profit < hundred then
    price = (hundred * cost):div(hundred - profit, ROUNDING)
    set(row, "Unit Price", tostring(price:normalize()))
  end
end

local own <const> = {}

own["No."] = function(context, row, old)
  if get(row, "No.") == get(old, "No.") then return end
  local refused = series.test_manual(context.state, "item")
  if refused then return refused end
  set(row, "No. Series", "")
end

own["Description"] = function(_, row, old)
  local search = get(row, "Search Description")
  if search == "" or search == text.upper(get(old, "Description")) then
    set(row, "Search Description", values.code(get(row, "Description")))
  end
end

own["Base Unit of Measure"] = function(context, row, old)
  local unit = get(row, "Base Unit of Measure")
  if unit == get(old, "Base Unit of Measure") then return end
  if was_moved(row) then
    return refusal.dialog("You cannot change Base Unit of Measure because there are one or more ledger"
      .. " entries for this item.")
  end
  if unit ~= "" and not context.state.setup.codes["Unit of Measure"][unit] then
    return refusal.record_not_found({ name = "Unit of Measure", keys = { "Code" } }, unit)
  end
  set(row, "Sales Unit of Measure", unit)
  set(row, "Purch. Unit of Measure", unit)
end

own["Type"] = function(_, row, old)
  if get(row, "Type") == get(old, "Type") then return end
  if was_moved(row) then
    return refusal.dialog("You cannot change the Type field on Item %s because at least one Item Ledger Entry"
      .. " exists for this item.", get(row, "No."))
  end
  if get(row, "Type") == "Service" then
    set(row, "Inventory Posting Group", "")
    set(row, "Reserve", "Never")
  end
end

own["Inventory Posting Group"] = function(_, row)
  if get(row, "Inventory Posting Group") ~= "" and get(row, "Type") ~= "Inventory" then
    return refusal.test_value("Type", "Inventory", DEF.name, key_text(row), get(row, "Type"))
  end
end

own["Gen. Prod. Posting Group"] = function(context, row, old)
  local code = get(row, "Gen. Prod. Posting Group")
  local group = code ~= get(old, "Gen. Prod. Posting Group") and context.state.setup.gen_prod[code]
  if group and group.auto then set(row, "VAT Prod. Posting Group", group.vat_prod) end
end

own["Item Category Code"] = function(_, row, old)
  if get(row, "Item Category Code") ~= get(old, "Item Category Code") then set(row, "Product Group Code", "") end
end

own["Blocked"] = function(_, row)
  if not get(row, "Blocked") then set(row, "Block Reason", "") end
end

for _, name in ipairs { "Unit Price", "Unit Cost", "Profit %", "Price/Profit Calculation" } do
  own[name] = function(_, row) calculate(row) end
end

item.trigger = record.triggers(DEF, own)

--- The unit that stands for one: every base unit has its row in table 5404.
---@param state table
---@param row table   of the item
function item.add_unit(state, row)
  local unit = get(row, "Base Unit of Measure")
  local key = get(row, "No.") .. "\0" .. unit
  local t = state.tables[UNITS.name]
  if unit == "" or t.by_key[key] then return end
  local line = {}
  record.set(UNITS, line, "Item No.", get(row, "No."))
  record.set(UNITS, line, "Code", unit)
  rows.put(state, t, key, line)
end

function item.on_insert(context, row) record.stamp(DEF, row, context.now) end

function item.after_insert(context, row) item.add_unit(context.state, row) end

function item.on_modify(context, row) record.stamp(DEF, row, context.now) end

function item.after_modify(context, row) item.add_unit(context.state, row) end

-- Entries of an open year keep an item; its units go with it.
function item.on_delete(context, key, row)
  if was_moved(row) then
    return refusal.dialog("You cannot delete %s %s because it has ledger entries in a fiscal year that"
      .. " has not been closed yet.", DEF.name, key)
  end
  local t, gone = context.state.tables[UNITS.name], {}
  for _, unit in ipairs(t.keys) do
    if t.by_key[unit]["Item No."] == key then gone[#gone + 1] = unit end
  end
  for _, unit in ipairs(gone) do rows.delete(context.state, t, unit) end
end

return item
