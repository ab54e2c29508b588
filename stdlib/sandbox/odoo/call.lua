--- One call of a model's method: arguments bound as Python binds them, run as one transaction.
--
-- The doors differ in how they name what is wrong with a call, not in what it does: `door` is
-- "rpc" (execute, execute_kw), "web" (call_kw) or "json2".

local automation = require "sandbox.odoo.automation"
local Env = require "sandbox.odoo.env"
local faults = require "sandbox.odoo.faults"
local methods = require "sandbox.odoo.methods"
local py = require "sandbox.odoo.py"
local words = require "sandbox.odoo.words"

local call = {}

-- Public by name, but kept from outside since 19.
local PRIVATE_19 <const> = {
  exists = true, browse = true, sudo = true, with_context = true, with_user = true,
  with_company = true, filtered = true, filtered_domain = true, mapped = true, sorted = true,
  ensure_one = true, flush_model = true, invalidate_model = true,
}

local function unknown_model(version, door, model)
  if door == "json2" then
    faults.werkzeug("NotFound", 404, "404 Not Found", ("the model '%s' does not exist"):format(model))
  elseif door == "rpc" then
    faults.user_error(("Object %s doesn't exist"):format(model))
  elseif version < 18 then
    faults.key_error(model)
  end
  local text = "404 Not Found: The requested URL was not found on the server. If you entered the "
    .. "URL manually please check your spelling and try again."
  faults.raise("werkzeug.exceptions.NotFound", text, { arguments = {}, lost_id = true })
end

local function find(version, door, model, name)
  if name:sub(1, 1) == "_" or version >= 19 and PRIVATE_19[name] then
    words.private_method(version, model, name)
  end
  local method = methods.find(version, model, name)
  if method then return method end
  if door == "json2" then
    faults.werkzeug("NotFound", 404, "404 Not Found",
      ("The method '%s.%s' does not exist"):format(model, name))
  end
  words.unknown_method(version, model, name)
end

-- Binding ----------------------------------------------------------------------------------------

-- What Python says of a bad call; JSON-2 says it in the words of inspect.signature.
local Binder = {}
Binder.__index = Binder

function Binder:title()
  local name = self.method.name
  return self.version >= 17 and self.method.owner .. "." .. name or name
end

function Binder:refuse(python, signature)
  if self.door == "json2" then
    faults.werkzeug("UnprocessableEntity", 422, "422 Unprocessable Entity", signature)
  end
  faults.type_error(self:title() .. "() " .. python)
end

function Binder:too_many(given)
  local least, most = 1, 1 + #self.method.params
  for _, p in ipairs(self.method.params) do
    if p[2] == nil then least = least + 1 end
  end
  local takes = least == most and tostring(most) or ("from %d to %d"):format(least, most)
  self:refuse(("takes %s positional argument%s but %d were given"):format(takes,
    most == 1 and "" or "s", given + 1), "too many positional arguments")
end

function Binder:missing(names)
  local list = {}
  for i, name in ipairs(names) do list[i] = "'" .. name .. "'" end
  local text = table.concat(list, ", ", 1, #list - 1)
  text = #list == 1 and list[1] or text .. (#list > 2 and "," or "") .. " and " .. list[#list]
  self:refuse(("missing %d required positional argument%s: %s"):format(#list,
    #list == 1 and "" or "s", text), "missing a required argument: " .. list[1])
end

-- Positional and named arguments into a table by parameter name.
function Binder:bind(args, named)
  local params, bound, known = self.method.params, {}, {}
  if #args > #params then self:too_many(#args) end
  for i, p in ipairs(params) do
    known[p[1]] = true
    if args[i] ~= nil then bound[p[1]] = args[i] end
  end
  local unknown = {}
  for name, v in pairs(named) do
    if known[name] and bound[name] ~= nil then
      self:refuse(("got multiple values for argument '%s'"):format(name),
        ("multiple values for argument '%s'"):format(name))
    elseif known[name] or self.method.rest and self.method.rest[name] then
      bound[name] = v
    else
      unknown[#unknown + 1] = name
    end
  end
  table.sort(unknown)
  local missing = {}
  for _, p in ipairs(params) do
    if bound[p[1]] == nil then
      if p[2] == nil then missing[#missing + 1] = p[1] else bound[p[1]] = p[2] end
    end
  end
  local stranger = unknown[1] and ("got an unexpected keyword argument '%s'"):format(unknown[1])
  if self.door == "json2" and #missing > 0 then self:missing(missing) end
  if stranger then self:refuse(stranger, stranger) end
  if #missing > 0 then self:missing(missing) end
  return bound
end

local function ids_of(value)
  if py.is_list(value) then return { table.unpack(value) } end
  if not py.truth(value) then return {} end
  return { value }
end

-- The record ids and the bound arguments of a call.
local function bind(version, door, model, method, args, named)
  local binder = setmetatable({ version = version, door = door, method = method }, Binder)
  local rest, ids = {}, {}
  for k, v in pairs(named) do
    if k ~= "context" and not (door == "json2" and k == "ids") then rest[k] = v end
  end
  if door == "json2" then
    if method.on_model and py.truth(named.ids) then
      local text = ("cannot call %s.%s with ids"):format(model, method.name)
      faults.werkzeug("UnprocessableEntity", 422, "422 Unprocessable Entity", text)
    end
    return ids_of(named.ids), binder:bind({}, rest)
  end
  local positional = { table.unpack(args) }
  if not method.on_model then
    if #positional == 0 then
      faults.raise("builtins.IndexError",
        (version >= 19 and "list" or "tuple") .. " index out of range")
    end
    ids = ids_of(table.remove(positional, 1))
  end
  return ids, binder:bind(positional, rest)
end

-- Running ----------------------------------------------------------------------------------------

local function note(state, model, name, counts)
  local stats = state.stats
  local key = model .. "." .. name
  stats.calls[key] = (stats.calls[key] or 0) + 1
  for k, n in pairs(counts or {}) do
    local kind, of = k:match("^(%a+) (.+)$")
    stats[kind][of] = (stats[kind][of] or 0) + n
  end
end

---@class sandbox.OdooCall
---@field uid integer
---@field door string
---@field model string
---@field method string
---@field args any
---@field named any
---@field now integer
---@field late_us integer?

--- Runs a method as user `uid`. Gives its result in wire form, nil for None; raises faults, after
--- taking back whatever the call had done.
---@param state table
--- `late_us`: the transaction began so long before it commits now; its stamps are of the beginning.
---@param request sandbox.OdooCall
---@return any
function call.run(state, request)
  local version, door, model = state.version, request.door, py.str(request.model)
  local name = py.str(request.method)
  if not state.models[model] then unknown_model(version, door, model) end
  local method = find(version, door, model, name)
  local args = py.is_list(request.args) and request.args or {}
  local named = py.is_dict(request.named) and request.named or {}
  local ids, bound = bind(version, door, model, method, args, named)
  local env = Env.new(state, request.uid, state:tick(request.now) - (request.late_us or 0))
  env.door = door
  local ok, result = pcall(function()
    env:enter(named.context)
    return method.run(env, state.models[model], ids, bound)
  end)
  if ok then
    automation.collect(env)
    note(state, model, name, env.counts)
    return result
  end
  env.log:rollback(0)
  note(state, model, name)
  error(result, 0)
end

return call
