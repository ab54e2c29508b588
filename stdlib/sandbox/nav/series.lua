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

local function setup_line(state)
  local code = state.setup.customer_nos
  if code == "" then
    return nil, refusal.test_field("Customer Nos.", "Sales & Receivables Setup", "Primary Key", "")
  end
  local line = state.setup.series[code]
  if not line then
    return nil, refusal.record_not_found("No. Series", "Code", code)
  end
  return line, nil, code
end

--- The number that the next customer gets.
---@param state table
---@return string? number
---@return table? refused
---@return string? code   the series it came from
function series.next(state)
  local line, refused, code = setup_line(state)
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
---@return table? refused
function series.test_manual(state)
  local line, refused, code = setup_line(state)
  if not line then return refused end
  if not line.manual_nos then
    return refusal.dialog("You may not enter numbers manually. If you want to enter numbers manually,"
      .. " please activate Manual Nos. in No. Series %s.", code)
  end
end

return series
