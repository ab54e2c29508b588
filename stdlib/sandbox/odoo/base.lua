--- What the small models do besides keeping values: names shown, texts computed, accounts kept.

local base = {}

base.ADDRESS_FORMAT =
  "%(street)s\n%(street2)s\n%(city)s %(state_code)s %(zip)s\n%(country_name)s"

local NEW <const> = { json = true, properties = true, properties_definition = true }

base.TYPES, base.TYPES_14 = {}, {}
for _, name in ipairs { "binary", "boolean", "char", "date", "datetime", "float", "html",
  "integer", "json", "many2many", "many2one", "many2one_reference", "monetary", "one2many",
  "properties", "properties_definition", "reference", "selection", "text" } do
  base.TYPES[#base.TYPES + 1] = { name, name }
  if not NEW[name] then base.TYPES_14[#base.TYPES_14 + 1] = { name, name } end
end

-- Countries and states ---------------------------------------------------------------------------

base.country = {}

function base.country.prepare(_, vals)
  if vals.code then vals.code = vals.code:upper() end
end

--- A two-letter name is looked up as a code first.
function base.country.search_names(env, name)
  if #name ~= 2 then return nil end
  return env:ids_where("res.country", "code", name:upper())
end

function base.country_flag(_, rec)
  return rec.code and ("/base/static/img/country_flags/%s.png"):format(rec.code:lower())
end

base.state = {}

function base.state.show(env, rec)
  local country = env:row("res.country", rec.country_id)
  return ("%s (%s)"):format(rec.name, country and country.code or "")
end

-- "California (US)" finds the state, so does the bare code.
function base.state.search_names(env, name)
  local bare, code = name:match("^(.+) %((%u%u)%)$")
  local found = {}
  for _, id in ipairs(env:ids_where("res.country.state", bare and "name" or "code", bare or name)) do
    local country = env:row("res.country", env:row("res.country.state", id).country_id)
    if not code or country.code == code then found[#found + 1] = id end
  end
  return #found > 0 and found or nil
end

-- Money ------------------------------------------------------------------------------------------

function base.rate() return 1.0 end

function base.decimal_places(rec)
  local rounding, places = rec.rounding or 1.0, 0
  while rounding < 1.0 and places < 6 do
    rounding, places = rounding * 10, places + 1
  end
  return places
end

base.account = {}

function base.account.show(env, rec)
  if env.version >= 19 then return rec.name end
  return (rec.code or "") .. " " .. (rec.name or "")
end

-- Companies and users ----------------------------------------------------------------------------

function base.user_company(env) return env.company end

base.company = {}

--- A company makes itself a partner.
function base.company.before_create(env, vals)
  if not vals.partner_id and vals.name then
    vals.partner_id = env:create("res.partner", { name = vals.name, is_company = true })
  end
end

base.user = {}

function base.user.before_create(env, vals, through)
  vals.company_ids = vals.company_ids or { env.company }
  if vals.partner_id then return end
  local function text(v) return type(v) == "string" and v ~= "" and v or nil end
  vals.partner_id = env:create("res.partner", {
    name = text(through.name) or vals.login, email = text(through.email) or vals.login,
  })
end

function base.no_password() return "" end
function base.set_password(_, vals, value) vals.password_ = value or nil end

function base.user.show(env, rec)
  return env:row("res.partner", rec.partner_id).name or ""
end

-- External ids -----------------------------------------------------------------------------------

base.model_data = {
  unique_text = 'duplicate key value violates unique constraint "ir_model_data_module_name_uniq_index"'
    .. "\nDETAIL:  Key (module, name)=(%s, %s) already exists.\n",
}

function base.complete_name(_, rec)
  return rec.module ~= "" and rec.module .. "." .. rec.name or rec.name
end

function base.reference(_, rec)
  return ("%s,%d"):format(rec.model, rec.res_id or 0)
end

function base.model_data.show(env, rec)
  local target = rec.res_id and env:row(rec.model, rec.res_id)
  return target and env:show(rec.model, target) or base.complete_name(env, rec)
end

return base
