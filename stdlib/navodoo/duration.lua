--- Lengths of time as people write them: "500ms", "30s", "5m", "1h", "2d".

local duration = {}

local UNIT_MS <const> = { ms = 1, s = 1000, m = 60000, h = 3600000, d = 86400000 }

--- Milliseconds of a text such as "30s".
---@param text any
---@return integer? ms
---@return string? why  when it was not understood
function duration.ms(text)
  local number, unit = nil, nil
  if type(text) == "string" then number, unit = text:match("^(%d+)(%l+)$") end
  if not number or not UNIT_MS[unit] or #number > 9 then
    return nil, ('a length of time such as "30s", "5m" or "1h" is expected, got %s'):format(
      type(text) == "string" and ("%q"):format(text) or tostring(text))
  end
  return math.tointeger(tonumber(number)) * UNIT_MS[unit]
end

return duration
