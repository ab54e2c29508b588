--- Why flows did not run, gathered at the end of a run: what keeps several of them is said once.
--
-- Two flows have their trouble in common when one endpoint refuses both logins, does not answer
-- either, or fails both with one code. What is no endpoint's is common by its words.

local out = require "cli.out"
local project = require "cli.project"

local troubles = {}
troubles.__index = troubles

--- Classes of trouble that no waiting mends.
troubles.LASTING = { auth = true, config = true, fingerprint = true }

-- Codes of calls that were not even tried, because an earlier one had failed: they tell little.
local UNTRIED <const> = { stopped = true, breaker_open = true }

---@class cli.Trouble  as the board of a flow has it
---@field text string
---@field class string
---@field code string?
---@field endpoint string?

function troubles.new() return setmetatable({}, troubles) end

local function cause_of(trouble)
  if not trouble.endpoint then return trouble.text end
  local by_code = trouble.class ~= "auth" and trouble.class ~= "transient"
  return ("%s %s %s"):format(trouble.class, trouble.endpoint, by_code and trouble.code or "")
end

--- Adds what kept a flow.
---@param name string     of the flow
---@param how string      "did not run"
---@param trouble cli.Trouble
function troubles:add(name, how, trouble)
  local cause = how .. " " .. cause_of(trouble)
  for _, t in ipairs(self) do
    if t.cause == cause then
      t.names[#t.names + 1] = name
      if UNTRIED[t.trouble.code] then t.trouble = trouble end
      return
    end
  end
  self[#self + 1] = { cause = cause, how = how, trouble = trouble, names = { name } }
end

--- Says them, with the way out, and returns the exit code.
---@param endpoints table  by name
---@return integer code
function troubles:say(endpoints)
  local code = 0
  for _, t in ipairs(self) do
    local class = t.trouble.class
    local endpoint = class == "auth" and endpoints[t.trouble.endpoint]
    out.complain("%s %s %s: %s%s", #t.names > 1 and "flows" or "flow", table.concat(t.names, ", "), t.how,
                 t.trouble.text, endpoint and "; " .. project.password_places(endpoint) or "")
    code = math.max(code, troubles.LASTING[class] and 2 or 1)
  end
  return code
end

return troubles
