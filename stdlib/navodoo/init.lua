--- What a flow gets from `require "navodoo"`.
--
-- The values of NAV and Odoo, and the words that flows are written with. Lookups belong to a
-- folder of flows, so the loader makes this table anew for each of them (`open`); required
-- outside of a flow it knows the built-in lookups only.

local decimal = require "navodoo.decimal"
local flow = require "navodoo.flow"
local json = require "navodoo.json"
local lookup = require "navodoo.lookup"
local map = require "navodoo.map"
local problem = require "navodoo.problem"
local rule = require "navodoo.rule"

--- A secret by its name; its value comes from environment, file or systemd credential.
--- `secret "NAME" { default = "..." }` gives one for the sandbox on this machine.
local secret_mt = {
  __call = function(self, options)
    local default = type(options) == "table" and options.default
    if type(default) ~= "string" then
      return problem.note(('secret "%s": { default = "..." } is expected'):format(self.name))
    end
    return { kind = "secret", name = self.name, default = default }
  end,
}

local function secret(name)
  if type(name) ~= "string" or not name:find "^[%a_][%w_]*$" then
    return problem.note(('secret: a name such as "NAV_PASSWORD" is expected, got %s'):format(
      tostring(name)))
  end
  return setmetatable({ kind = "secret", name = name }, secret_mt)
end

--- The table for flows of one folder.
---@param lookups table  made by `navodoo.lookup.open`
local function open(lookups)
  return problem.guarded("navodoo", {
    flow = flow,
    map = problem.guarded("map", map),
    lookup = lookups,
    rule = rule.public,
    null = json.null,
    decimal = decimal,
    json = json,
    secret = secret,
  })
end

local navodoo = open(lookup.open({}, "flows"))

return setmetatable({ open = open }, { __index = navodoo, __metatable = false })
