--- A record as a person mended it, in the place of what was read.
--
-- `navodoo dead edit` stores a mended payload beside the one that was polled. What differs
-- between the two stands for NAV's value, as long as NAV holds what it held then: a field
-- that NAV changed since is NAV's word again. The link remembers what NAV holds, not what
-- was mended, so that nothing looks changed afterwards. Pure.

local json = require "navodoo.json"
local base = require "navodoo.engine.base"

local mending = {}

--- Puts what a person mended over an item's record. Sets `record` and keeps NAV's in `polled`.
---@param engine table
---@param item navodoo.Item  with `record`
---@return boolean|nil ok
---@return string|nil why
function mending.apply(engine, item)
  local was, is = json.decode(item.job.payload or ""), json.decode(item.job.edited)
  if type(was) ~= "table" or type(is) ~= "table" then return nil, "the mended record cannot be read" end
  local why = engine.typed(was) or engine.typed(is)
  if why then return nil, why end
  local record = {}
  for name, v in pairs(item.record) do -- one place each
    local mended = is[name] ~= nil and not base.equal(was[name], is[name]) and base.equal(was[name], v)
    if mended then record[name] = is[name] else record[name] = v end
  end
  item.polled, item.record = item.record, record
  return true
end

return mending
