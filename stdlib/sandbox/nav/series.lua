--- Number series: the next number of a series, and whether a number may be typed.
--
-- The texts are NAV's (codeunit 396). A number is taken only when the insert succeeds, as in NAV,
-- where it is rolled back with the transaction.

local refusal = require "sandbox.nav.refusal"

local series = {}

-- INCSTR: adds to the last run of digits in the text and keeps its width.
local function increase(text, by)
  local head, digits, tail = text:match("^(.-)(%d+)(%D*)$")
  if not digits then return text end
  local next_digits = ("%0" .. #digits .. "d"):format(tonumber(digits) + by)
  return head .. next_digits .. tail
end

-- Where the company's setup names the series of each kind of number.
local KINDS <const> = {
  customer = { "customer_nos", "Customer Nos.", "Sales & Receivables Setup" },
  vendor = { "vendor_nos", "Vendor Nos.", "Purchases & Payables Setup" },
  item = { "item_nos", "Item Nos.", "Inventory Setup" },
  contact = { "contact_nos", "Contact Nos.", "Marketing Setup" },
}

local function setup_line(state, kind)
  local setting, field, table_name = table.unpack(KINDS[kind])
  local code = state.setup[setting]
  if code == "" then return nil, refusal.test_field(field, table_name, "Primary Key=") end
  local line = state.setup.series[code]
  if not line then
    return nil, refusal.record_not_found({ name = "No. Series", keys = { "Code" } }, code)
  end
  return line, nil, code
end

--- The number that the next record gets.
---@param state table
---@param kind "customer"|"vendor"|"item"|"contact"
---@return string? number
---@return table? refused
---@return string? code   the series it came from
function series.next(state, kind)
  local line, refused, code = setup_line(state, kind)
  if not line then return nil, refused end
  if not line.default_nos then
    return nil, refusal.dialog("It is not possible to assign numbers automatically. If you want the"
      .. " program to assign numbers automatically, please activate Default Nos. in No. Series %s.", code)
  end
  if not line.open then
    return nil, refusal.dialog("You cannot assign new numbers from the number series %s.", code)
  end
  local number = line.last == "" and line.starting or increase(line.last, line.increment)
  if line.ending ~= "" and (#number > #line.ending or number > line.ending) then
    return nil, refusal.dialog("You cannot assign numbers greater than %s from the number series %s.",
      line.ending, code)
  end
  return number, nil, code
end

--- Remembers that a number was used.
---@param state table
---@param code string
---@param number string
function series.used(state, code, number)
  local line = state.setup.series[code]
  if line then line.last = number end
end

--- Refuses a typed number where the series does not allow it.
---@param state table
---@param kind "customer"|"vendor"|"item"|"contact"
---@return table? refused
function series.test_manual(state, kind)
  local line, refused, code = setup_line(state, kind)
  if not line then return refused end
  if not line.manual_nos then
    return refusal.dialog("You may not enter numbers manually. If you want to enter numbers manually,"
      .. " please activate Manual Nos. in No. Series %s.", code)
  end
end

return series
