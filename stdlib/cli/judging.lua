--- What a flow says of a value before it is stored: the flow is compiled from the sources that
-- the store keeps, so that it can be asked with the engine stopped and no folder at hand.
--
-- Tables of the target are not asked for: a code that Odoo may know passes here, and is
-- found out when the job runs. Nothing is written, and a flow that raises has no opinion.

local json = require "navodoo.json"
local loader = require "navodoo.loader"
local problem = require "navodoo.problem"
local store = require "navodoo.store"
local task = require "navodoo.task"
local word = require "navodoo.engine.word"

local judging = {}

--- Instructions for one mapping, as in a run.
local BUDGET <const> = 2000000

-- Stands for the tables and links of the target: whatever is asked, there is one.
local function anything() return setmetatable({}, { __index = function() return 1 end }) end
local function tables() return setmetatable({}, { __index = anything }) end
local function links()
  return setmetatable({}, { __index = function() return { nav = anything(), odoo = anything() } end })
end

--- The newest version of a flow that the store has; nil when it has none.
---@param name string  of the flow in the store
---@return navodoo.Compiled|nil
function judging.flow(name)
  local rows = store.query("generations_list", (name:gsub("@.*$", "")))
  local row = rows and rows[1]
  local full = row and store.query("generation_by_id", row.id)
  if not full or not full[1] then return nil end
  return (loader.compile { file = full[1].file, source = full[1].source, lookups = json.decode(full[1].lookups) })
end

--- What the flow's rules say of a NAV record; of some fields only when `fields` is given.
---@param flow navodoo.Compiled|nil
---@param record table
---@param fields table<string, any>|nil  by name
---@return string|nil why   the first complaint, with its way out
function judging.complaint(flow, record, fields)
  if not flow then return nil end
  local ok, _, problems = task.guard(BUDGET, flow.to_odoo, flow, record,
    { creating = true, lookups = tables(), links = links() })
  for _, p in ipairs(ok and type(problems) == "table" and problems or {}) do
    if not p.waits_for and (not fields or fields[p.field] ~= nil) then return word.told(p) end
  end
  return nil
end

-- The kind of a JSON value, as a person calls it.
local function kind(v)
  if v == json.null then return nil end
  local t = type(v)
  return t == "userdata" and "number" or t
end

--- Is a mended payload one that the flow can take? It has the fields of the original and
-- values of their kinds.
---@param flow navodoo.Compiled|nil
---@param original table
---@param edited any
---@return string|nil why  not
function judging.payload(flow, original, edited)
  if type(edited) ~= "table" or json.is_array(edited) then return "a payload is a JSON object" end
  local names = problem.names(original)
  for _, name in ipairs(problem.names(edited)) do
    if original[name] == nil then
      local near = problem.near(name, names)
      return ("the record has no field %s%s"):format(name, near and "; did you mean " .. near .. "?" or "")
    end
    local was, is = kind(original[name]), kind(edited[name])
    if was and is and was ~= is then
      return ("%s holds a %s, not the %s %s"):format(name, was, is, json.encode(edited[name]))
    end
  end
  for _, name in ipairs(names) do
    if edited[name] == nil then return ("%s is missing; null empties it"):format(name) end
  end
  return judging.complaint(flow, edited)
end

return judging
