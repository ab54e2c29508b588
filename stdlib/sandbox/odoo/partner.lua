--- What res.partner does besides keeping values: names shown, commercial entity, the address and
--- the money terms that contacts take from their company.
--
-- Odoo computes the names when a partner or its parent changes and stores them; so do we. A contact
-- of a company (type "contact") gets the company's address, every contact its tax and payment data.

local faults = require "sandbox.odoo.faults"
local text = require "navodoo.text"

local partner = {}

local MODEL <const> = "res.partner"
local ADDRESS <const> = { "street", "street2", "zip", "city", "state_id", "country_id" }
local SYNCED <const> = { "vat" }
local COMMERCIAL <const> = {
  "vat", "company_registry", "industry_id", "credit_limit", "debit_limit",
  "property_account_payable_id", "property_account_receivable_id",
  "property_account_position_id", "property_payment_term_id",
  "property_supplier_payment_term_id",
}

local function parent_of(env, rec)
  return rec.parent_id and env:row(MODEL, rec.parent_id)
end

-- Names ------------------------------------------------------------------------------------------

local function type_label(env, kind)
  for _, pair in ipairs(env:model(MODEL).fields.type.selection) do
    if pair[1] == kind then return pair[2] end
  end
  return ""
end

local function shown_name(env, rec, parent)
  local name = rec.name or ""
  if rec.company_name or parent then
    local kind = rec.type
    if name == "" and (kind == "invoice" or kind == "delivery" or kind == "other") then
      name = type_label(env, kind)
    end
    if not rec.is_company then
      local company = rec.commercial_company_name or parent and parent.name or ""
      name = company .. ", " .. name
    end
  end
  return text.trim(name)
end

local function normalized_email(email)
  if not email then return nil end
  local bare = email:match("<%s*([^<>%s]+@[^<>%s]+)%s*>%s*$") or email:match("^%s*([^%s,;<>]+@[^%s,;<>]+)%s*$")
  return bare and text.lower(bare) or nil
end

local function sanitized_phone(rec)
  local number = rec.mobile or rec.phone
  return number and number ~= "" and text.trim(number) or nil
end

--- Fills the stored computed fields of `rec` that depend on what was `touched`.
---@param env sandbox.OdooEnv
---@param rec table     the record, not yet stored
---@param touched table<string, boolean>
function partner.derive(env, rec, touched)
  if touched.name or touched.parent_id or touched.is_company or touched.company_name
    or touched.type then
    local parent = parent_of(env, rec)
    local top = rec
    if parent and not rec.is_company then
      top = parent.commercial_partner_id and env:row(MODEL, parent.commercial_partner_id) or parent
    end
    rec.commercial_partner_id = top.id
    rec.commercial_company_name = top.is_company and top.name or rec.company_name
    local shown = shown_name(env, rec, parent)
    if env.version >= 17 then
      rec.complete_name = shown ~= "" and shown or nil
    else
      rec.display_name = shown ~= "" and shown or nil
    end
  end
  if touched.email then rec.email_normalized = normalized_email(rec.email) end
  if touched.phone or touched.mobile then rec.phone_sanitized = sanitized_phone(rec) end
end

--- display_name.
function partner.show(env, rec)
  if env.version < 17 then return rec.display_name or "" end
  return rec.complete_name or ""
end

-- Before a write ---------------------------------------------------------------------------------

--- Values as Odoo's create and write rework them first.
---@param vals table  stored form, changed in place
function partner.prepare(_, vals)
  local website = vals.website
  if website and website ~= "" and not website:find("^%a[%w+.-]*:") then
    vals.website = "http://" .. website:gsub("^//", "")
  end
  if vals.parent_id then vals.company_name = false end
end

--- Defaults that depend on other values of the record.
function partner.defaults(env, rec, given)
  local parent = parent_of(env, rec)
  if parent and not given.lang and parent.lang then rec.lang = parent.lang end
  if parent and env.version >= 17 and not given.user_id and not rec.is_company then
    rec.user_id = parent.user_id
  end
  local mode = env.context.res_partner_search_mode
  if mode == "customer" and not given.customer_rank then rec.customer_rank = 1 end
  if mode == "supplier" and not given.supplier_rank then rec.supplier_rank = 1 end
end

--- Refuses a partner that is its own ancestor.
function partner.validate(env, rec, touched)
  if not touched.parent_id then return end
  local seen, at = 0, rec
  while at and at.parent_id do
    seen = seen + 1
    if at.parent_id == rec.id or seen > 1000 then
      faults.validation_error("You cannot create recursive Partner hierarchies.")
    end
    at = env:row(MODEL, at.parent_id)
  end
end

-- After a write ----------------------------------------------------------------------------------

local function key_of(env, name)
  local f = env:model(MODEL).fields[name]
  if not f then return nil end
  return f.company and (name .. "@" .. env.company) or name
end

local function copy_keys(env, from, names)
  local values = {}
  for _, name in ipairs(names) do
    local key = key_of(env, name)
    if key then
      local v = from[key]
      if v == nil then v = false end
      values[key] = v
    end
  end
  return values
end

local function has_address(rec)
  for _, name in ipairs(ADDRESS) do
    if rec[name] and rec[name] ~= "" then return true end
  end
  return false
end

local function any_touched(touched, names)
  for _, name in ipairs(names) do
    if touched[name] then return true end
  end
  return false
end

local function sync_from_parent(env, rec, touched)
  local parent = parent_of(env, rec)
  if not parent or not (touched.parent_id or touched.type) then return end
  if touched.parent_id and rec.commercial_partner_id ~= rec.id then
    local top = env:row(MODEL, rec.commercial_partner_id)
    env:store_values(MODEL, rec.id, copy_keys(env, top, COMMERCIAL))
  end
  if rec.type == "contact" and has_address(parent) then
    env:store_values(MODEL, rec.id, copy_keys(env, parent, ADDRESS))
  end
end

local function sync_to_children(env, rec, touched, ids)
  local money = rec.commercial_partner_id == rec.id and any_touched(touched, COMMERCIAL)
  local address = any_touched(touched, ADDRESS)
  local names = touched.name or touched.is_company or touched.parent_id
  if not (money or address or names) then return end
  for _, id in ipairs(ids) do
    local child = env:row(MODEL, id)
    if names then
      env:rederive(MODEL, id, { name = true })
      child = env:row(MODEL, id)
    end
    if money and not child.is_company then
      env:store_values(MODEL, id, copy_keys(env, rec, COMMERCIAL))
    end
    if address and child.type == "contact" then
      local changed = {}
      for _, name in ipairs(ADDRESS) do
        if touched[name] then changed[#changed + 1] = name end
      end
      env:store_values(MODEL, id, copy_keys(env, rec, changed))
    end
    if names or (money and not child.is_company) then
      sync_to_children(env, env:row(MODEL, id), names and touched or { vat = money },
        env:ids_where(MODEL, "parent_id", id))
    end
  end
end

-- Since 19 a contact writes its address and VAT number up to its company (measured on 19; 14 does
-- not): what the form shows of both is one.
local function sync_to_parent(env, rec, touched)
  local parent = env.version >= 19 and parent_of(env, rec)
  if not parent then return end
  local up = {}
  if rec.type == "contact" and (touched.parent_id or any_touched(touched, ADDRESS)) then
    up = copy_keys(env, rec, ADDRESS)
  end
  if rec.commercial_partner_id ~= rec.id and (touched.parent_id or any_touched(touched, SYNCED)) then
    for key, value in pairs(copy_keys(env, rec, SYNCED)) do up[key] = value end
  end
  local differs, changed = false, {}
  for key, value in pairs(up) do
    changed[key:match "^[^@]+"] = true
    differs = differs or (parent[key] or false) ~= value
  end
  if not differs then return end
  env:store_values(MODEL, parent.id, up, changed)
  partner.after(env, parent.id, changed, false)
end

--- What follows a create or write of one partner.
---@param env sandbox.OdooEnv
---@param id integer
---@param touched table<string, boolean>
---@param created boolean
function partner.after(env, id, touched, created)
  local rec = env:row(MODEL, id)
  local ids = env:ids_where(MODEL, "parent_id", id)
  if not rec.parent_id and #ids == 0 then return end
  sync_from_parent(env, rec, touched)
  sync_to_parent(env, env:row(MODEL, id), touched)
  rec = env:row(MODEL, id)
  if #ids > 0 then sync_to_children(env, rec, touched, ids) end
  local parent = created and parent_of(env, rec)
  if parent and (parent.is_company or not parent.parent_id) and has_address(rec)
    and not has_address(parent) and #env:ids_where(MODEL, "parent_id", parent.id) == 1 then
    env:store_values(MODEL, parent.id, copy_keys(env, rec, ADDRESS))
  end
end

--- Refuses to delete a partner that a user hangs on.
function partner.before_unlink(env, ids)
  local names = {}
  for _, id in ipairs(ids) do
    for _, user in ipairs(env:ids_where("res.users", "partner_id", id)) do
      names[#names + 1] = env:row("res.users", user).login
    end
  end
  if #names == 0 then return end
  faults.user_error("You cannot delete contacts linked to an active user.\nYou should rather archive"
    .. " them after archiving their associated user.\n\nLinked active users : "
    .. table.concat(names, ", "))
end

-- Computed on reading ----------------------------------------------------------------------------

function partner.parent_name(env, rec)
  local parent = parent_of(env, rec)
  return parent and parent.name
end

function partner.default_lang(env) return env.lang or "en_US" end
function partner.default_tz(env)
  local tz = env.context.tz
  return type(tz) == "string" and tz or nil
end
function partner.lang_count(env) return #env:languages() end
function partner.tz_offset() return "+0000" end
function partner.vat_label() return "Tax ID" end
function partner.im_status() return "im_partner" end
function partner.itself(_, rec) return rec.id end

function partner.currency(env)
  return env:row("res.company", env.company).currency_id
end

function partner.same_vat(env, rec)
  if not rec.vat or rec.parent_id or #rec.vat < 2 then return nil end
  for _, id in ipairs(env:ids_where(MODEL, "vat", rec.vat)) do
    local other = env:row(MODEL, id)
    if id ~= rec.id and other.active and not other.parent_id then return id end
  end
  return nil
end

function partner.country_code(env, rec)
  local country = rec.country_id and env:row("res.country", rec.country_id)
  return country and country.code
end

function partner.email_formatted(_, rec)
  if not rec.email or rec.email == "" then return nil end
  return ('"%s" <%s>'):format((rec.name or ""):gsub('[\\"]', "\\%0"), rec.email)
end

function partner.company_type(_, rec) return rec.is_company and "company" or "person" end
function partner.set_company_type(_, vals, value) vals.is_company = value == "company" end

function partner.use_limit(env, rec)
  return (rec["credit_limit@" .. env.company] or 0.0) ~= 0.0
end
function partner.set_use_limit(env, vals, value)
  if not value then vals["credit_limit@" .. env.company] = false end
end

partner.checks = {
  { name = "res_partner_check_name", text = "Contacts require a name",
    holds = function(rec) return rec.type ~= "contact" or rec.name ~= nil end },
}

return partner
