--- Lengths of time as flows and settings write them: "500ms", "30s", "5m", "1h", "2d".

local time = require "navodoo.time"

local duration = {}

--- Milliseconds of a text such as "30s"; anything else than a text is refused like a wrong one.
---@param text any
---@return integer? ms
---@return string? why  when it was not understood
function duration.ms(text)
  if type(text) ~= "string" then
    return nil, ("%s: expected a duration such as 250ms, 30s, 5m, 2h or 1d"):format(tostring(text))
  end
  return time.duration(text)
end

return duration
