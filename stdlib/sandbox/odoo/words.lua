--- The sentences of Odoo's refusals, by version.
--
-- Texts were recorded from 14.0, 17.0 and 19.0 servers; 18.0 follows its recorded first lines and
-- otherwise 17.0. Every function raises.

local faults = require "sandbox.odoo.faults"
local py = require "sandbox.odoo.py"

local words = {}

-- Records and fields -----------------------------------------------------------------------------

--- write, unlink or an action on records that are gone.
---@param ids any[]
function words.gone(env, model, ids)
  faults.missing_error(("Record does not exist or has been deleted.\n(Record: %s%s, User: %d)")
    :format(model, py.repr_tuple(ids), env.uid))
end

function words.missing_required(env, model, field)
  if env.version >= 19 then
    faults.validation_error(("The operation cannot be completed: Missing required value for the "
      .. "field '%s' (%s).\nModel: '%s' (%s)\n- create/update: a mandatory field is not set\n"
      .. "- delete: another model requires the record being deleted, you can archive it instead\n")
      :format(field.string, field.name, model.description, model.name))
  end
  local tail = env.version >= 17 and "Model: %s (%s)\nField: %s (%s)\n"
    or "Model: %s (%s), Field: %s (%s)"
  faults.validation_error(("The operation cannot be completed:\n- Create/update: a mandatory field "
    .. "is not set.\n- Delete: another model requires the record being deleted. If possible, "
    .. "archive it instead.\n\n" .. tail)
    :format(model.description, model.name, field.string, field.name),
    { missing = { model = model, field = field } })
end

--- A check or unique constraint with a sentence of its own; 14 shows only its name.
function words.constraint(env, check)
  local message = env.version >= 17 and "The operation cannot be completed: " .. check.text
    or check.name
  faults.validation_error(message, { check = check })
end

--- A unique index without a sentence of its own.
function words.duplicate_key(env, text)
  local lead = env.version >= 17 and "The operation cannot be completed: " or ""
  faults.validation_error(lead .. text, { duplicate = true })
end

-- A foreign key: `model` is the one that holds the field, nil for a relation table.
local function foreign_key(env, model, field, constraint)
  if env.version >= 19 then
    local who = model and ("'%s' (%s)"):format(model.description, model.name) or "Unknown"
    local what = field and ("'%s' (%s)"):format(field.string, field.name) or constraint
    faults.validation_error("The operation cannot be completed: Another model is using the record "
      .. "you are trying to delete.\n\nThe troublemaker is: " .. who
      .. "\nThanks to the following constraint: " .. what
      .. "\nHow about archiving the record instead?")
  end
  local unknown = env.version >= 17 and "Unknown (unknown)" or "Unknown (Unknown)"
  local who = model and ("%s (%s)"):format(model.description, model.name) or unknown
  local tail = env.version >= 17 and "Model: %s\nConstraint: %s\n" or "Model: %s, Constraint: %s"
  faults.validation_error(("The operation cannot be completed: another model requires the record "
    .. "being deleted. If possible, archive it instead.\n\n" .. tail):format(who, constraint))
end

--- A delete that another table stands against.
function words.still_used(env, referrer)
  local m, f = referrer.model, referrer.field
  foreign_key(env, m, f, ("%s_%s_fkey"):format(m.table, f.name))
end

--- A many2one written with an id that does not exist.
function words.no_such_target(env, model, field, id)
  if env.version >= 17 and field.missing then words.gone(env, field.relation, { id }) end
  foreign_key(env, model, field, ("%s_%s_fkey"):format(model.table, field.name))
end

--- The same in a many2many.
function words.no_such_member(env, field)
  foreign_key(env, nil, nil, ("%s_%s_fkey"):format(field.table, field.column))
end

function words.unknown_in_values(env, model, name, creating)
  if env.version >= 19 then
    if not creating then faults.key_error(name) end
    faults.value_error(("Invalid field %s in %s"):format(py.repr(name), py.repr(model.name)))
  end
  faults.value_error(("Invalid field %s on model %s"):format(py.repr(name), py.repr(model.name)))
end

function words.unknown_in_read(env, model, name)
  local on = env.version >= 19 and "on" or "on model"
  faults.value_error(("Invalid field %s %s %s"):format(py.repr(name), on, py.repr(model.name)))
end

function words.unknown_in_order(_, model, name)
  faults.value_error(("Invalid field %s on model %s"):format(py.repr(name), py.repr(model.name)))
end

function words.bad_order(_)
  faults.user_error('Invalid "order" specified. A valid "order" specification is a comma-separated '
    .. "list of valid field names (optionally followed by asc/desc for the direction)")
end

-- Domains ----------------------------------------------------------------------------------------

function words.domain_shape(env, domain)
  if env.version >= 19 then
    faults.type_error("Domain() invalid argument type for domain: " .. py.repr(domain))
  end
  faults.raise("builtins.AssertionError", "Domains to normalize must have a 'domain' form: "
    .. "a list or tuple of domain components")
end

function words.domain_item(env, item)
  if env.version >= 19 then
    faults.value_error("Domain() invalid item in domain: " .. py.repr(item))
  elseif env.version >= 17 and py.is_list(item) and #item < 3 then
    faults.value_error(("not enough values to unpack (expected 3, got %d)"):format(#item))
  elseif env.version >= 17 and py.is_list(item) and #item > 3 then
    faults.value_error("too many values to unpack (expected 3)")
  end
  faults.value_error("Invalid leaf " .. (py.is_list(item) and py.repr_tuple(item) or py.repr(item)))
end

function words.domain_operands(env, domain)
  if env.version >= 19 then
    faults.value_error("Domain() missing operand in domain: " .. py.repr(domain))
  end
  faults.value_error("Domain " .. py.repr(domain) .. " is syntactically not correct.")
end

function words.domain_operator(env, leaf)
  local lead = env.version >= 19 and "Invalid operator in condition " or "Invalid leaf "
  faults.value_error(lead .. py.repr_tuple(leaf))
end

function words.domain_field(env, model, name, leaf)
  faults.value_error(("Invalid field %s.%s in %s %s"):format(model.name, name,
    env.version >= 19 and "condition" or "leaf", py.repr_tuple(leaf)))
end

-- Access -----------------------------------------------------------------------------------------

local VERBS <const> = { read = "access", write = "modify", create = "create", unlink = "delete" }

--- The user's groups do not allow it.
---@param groups string[]  names of those that would
function words.not_allowed(_, model, operation, groups)
  local lead = ("You are not allowed to %s '%s' (%s) records."):format(
    VERBS[operation], model.description, model.name)
  local who = "No group currently allows this operation."
  if #groups > 0 then
    who = "This operation is allowed for the following groups:\n\t- "
      .. table.concat(groups, "\n\t- ")
  end
  faults.access_error(lead .. "\n\n" .. who
    .. "\n\nContact your administrator to request access if necessary.")
end

--- The multi-company rule stands against it.
function words.other_company(env, model, operation, rec)
  local user = env:show("res.users", env:row("res.users", env.uid))
  if env.version < 17 then
    faults.access_error(("Due to security restrictions, you are not allowed to %s '%s' (%s) records."
      .. "\n\nRecords: %s (id=%d)\nUser: %s (id=%d)\n\nThis restriction is due to the following "
      .. "rules:\n- %s company\n\nNote: this might be a multi-company issue.\n\nContact your "
      .. "administrator to request access if necessary."):format(VERBS[operation],
      model.description, model.name, env:show(model.name, rec), rec.id, user, env.uid, model.name))
  end
  local tail = env.version >= 19 and "\n\nThis seems to be a multi-company issue, but you do not "
    .. "have access to the proper company to access the record anyhow." or ""
  faults.access_error(("Uh-oh! Looks like you have stumbled upon some top-secret records.\n\nSorry, "
    .. "%s (id=%d) doesn't have '%s' access to:\n- %s (%s)\n\nIf you really, really need access, "
    .. "perhaps you can win over your friendly administrator with a batch of freshly baked "
    .. "cookies."):format(user, env.uid, operation, model.description, model.name) .. tail)
end

function words.private_method(version, model, method)
  local what = version >= 18 and ("'%s.%s'"):format(model, method) or method
  faults.access_error(("Private methods (such as %s) cannot be called remotely."):format(what))
end

function words.unknown_method(version, model, method)
  local text = ("The method '%s.%s' does not exist"):format(model, method)
  if version < 17 then
    text = ("type object '%s' has no attribute '%s'"):format(model, method)
  elseif version < 18 then
    text = ("The method '%s' does not exist on the model '%s'"):format(method, model)
  end
  faults.raise("builtins.AttributeError", text)
end

return words
