--- Who may do what: rights per model, and the rule that keeps companies apart.
--
-- The integration user may do everything, as the one on the recorded servers. The second user,
-- "demo", reads all and edits partners only, so that an access error can be had. `deny` of
-- odoo.new takes single rights from the integration user: { { "res.partner", "create" } }.

local words = require "sandbox.odoo.words"

local security = {}

local OWN <const> = { ["res.partner"] = true, ["res.partner.category"] = true }

-- The groups that the refusal names.
local GROUPS <const> = {
  ["res.company"] = { [14] = { "Administration/Access Rights" }, [19] = { "Access Rights" } },
  ["res.users"] = { [14] = { "Administration/Access Rights" }, [19] = { "Access Rights" } },
  ["res.partner"] = { [14] = { "Extra Rights/Contact Creation" }, [19] = { "Contact/Creation" } },
  ["product.template"] = {
    [14] = { "Administration/Settings", "Inventory/Administrator", "Purchase/Administrator",
      "Sales/Administrator" },
    [19] = { "Products/Create" } },
  ["ir.config_parameter"] = { [14] = { "Administration/Settings" },
    [19] = { "Role / Administrator" } },
}

local function groups_of(env, model)
  local known = GROUPS[model.name]
  if not known then return {} end
  return env.version >= 19 and known[19] or known[14]
end

--- Whether the user's groups allow an operation ("read", "write", "create", "unlink").
---@param env sandbox.OdooEnv
---@param model table
---@param operation string
---@return boolean
function security.allows(env, model, operation)
  local denied = env.state.config.deny[model.name .. " " .. operation]
  if env.uid == env.state.config.uid then return not denied end
  if env.uid <= 2 then return true end
  return operation == "read" and model.name ~= "ir.config_parameter" or OWN[model.name] or false
end

--- Raises AccessError when they do not.
function security.check(env, model, operation)
  if not security.allows(env, model, operation) then
    words.not_allowed(env, model, operation, groups_of(env, model))
  end
end

--- Raises AccessError when a record belongs to a company that is not the user's.
function security.check_row(env, model, operation, rec)
  if not env:visible(model, rec) then words.other_company(env, model, operation, rec) end
end

return security
