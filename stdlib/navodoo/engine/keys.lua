--- Names by which records are known: in the store, in Odoo, and to effects.
--
-- A key never depends on job id, attempt, generation or body, so poll and webhook
-- arrive at the same one (design: idempotency keys). All functions are pure.

local is <const> = require "navodoo.text".is

local keys = {}

--- Name of a NAV record inside the store: company and key belong together.
---@param company string
---@param key string
---@return string
function keys.nav(company, key) return company .. "/" .. key end

--- The NAV key inside a name made by `keys.nav`.
---@param company string
---@param name string
---@return string
function keys.nav_key(company, name) return name:sub(#company + 2) end

local function hex(c) return ("-%02x"):format(c:byte()) end

--- A part of an external id: what is no ASCII letter or digit becomes `-hex`.
---@param s string
---@return string
function keys.part(s)
  if is(s, "uld") then return s end
  return (s:gsub("[^%a%d]", hex))
end
local part <const> = keys.part

--- The text that `keys.part` made this of.
---@param name string
---@return string
function keys.unpart(name)
  return (name:gsub("%-(%x%x)", function(byte) return string.char(tonumber(byte, 16)) end))
end

--- External id (without module) of a NAV record in Odoo: `<company>_<table>_<key>`.
-- What is no ASCII letter or digit becomes `-hex`, the underscore too: it separates
-- the parts, and two records must never meet in one name. Odoo allows letters,
-- digits, `_` and `-` there, and no dot (ir.model.data).
---@param company string
---@param table_name string
---@param key string
---@return string
function keys.xmlid(company, table_name, key)
  return part(company) .. "_" .. part(table_name) .. "_" .. part(key)
end

--- Idempotency key of the effect that brings a NAV record into Odoo.
---@param flow string
---@param company string
---@param entity string
---@param key string
---@return string
function keys.effect(flow, company, entity, key)
  return table.concat({ flow, "nav", company, entity, key }, "/")
end

--- Idempotency key of the effect that brings an Odoo record into NAV.
---@param flow string
---@param company string
---@param model string
---@param id string
---@return string
function keys.effect_back(flow, company, model, id)
  return table.concat({ flow, "odoo", company, model, id }, "/")
end

return keys
