--- What a fresh database holds, table by table, and the partners that were there before us.
--
-- Tables are filled when first asked for, from the configuration alone, so that a state that was
-- never touched need not be saved: it comes back the same.

local Env = require "sandbox.odoo.env"
local cards = require "sandbox.nav.cards"
local data = require "sandbox.nav.data"
local people = require "sandbox.people"
local products = require "sandbox.odoo.seed_product"
local world = require "sandbox.odoo.world"

local seed = {}

-- Ids that users had on the recorded servers.
local function user_ids(version)
  return version >= 19 and 7 or 8, version >= 19 and 5 or 6
end

--- The id of the integration user.
---@param version integer
---@return integer
function seed.integration_uid(version) return (user_ids(version)) end

local function stamped(state, row)
  row.create_uid, row.write_uid = 1, 1
  row.create_date, row.write_date = state.config.start_us, state.config.start_us
  return row
end

local function ids_by(list, key)
  local ids = {}
  for i, item in ipairs(list) do ids[item[key]] = item.id or i end
  return ids
end

-- The world --------------------------------------------------------------------------------------

local function countries(state, t)
  local currencies = ids_by(world.currencies(state.version), "code")
  local format = "%(street)s\n%(street2)s\n%(city)s %(state_code)s %(zip)s\n%(country_name)s"
  for _, c in ipairs(world.countries(state.version)) do
    t:seed(stamped(state, {
      name = c.name, code = c.code, currency_id = currencies[c.currency], phone_code = c.phone,
      vat_label = c.vat_label, address_format = format, name_position = "before",
      zip_required = true, ["name@hu_HU"] = c.name_hu,
    }))
  end
end

local function states(state, t)
  local by_key = ids_by(world.countries(state.version), "xmlid")
  for _, s in ipairs(world.states()) do
    t:seed(stamped(state, { name = s.name, code = s.code, country_id = by_key[s.country] }))
  end
end

local function currencies(state, t)
  for _, c in ipairs(world.currencies(state.version)) do
    t:seed(stamped(state, {
      id = c.id, name = c.code, symbol = c.symbol, position = c.position, rounding = c.rounding,
      decimal_places = c.rounding == 1.0 and 0 or c.rounding == 0.001 and 3 or 2,
      active = c.code == "EUR" or c.code == "USD" or nil,
    }))
  end
end

-- Since 19 a language can only have one of the listed formats.
local function date_format(state, format)
  local f = state.models["res.lang"].fields.date_format
  return (not f.keys or f.keys[format]) and format or "%Y-%m-%d"
end

local function languages(state, t)
  local installed = {}
  for _, code in ipairs(state.config.languages) do installed[code] = true end
  for _, l in ipairs(world.languages()) do
    t:seed(stamped(state, {
      name = l.name, code = l.code, iso_code = l.iso, url_code = l.iso,
      active = l.code == "en_US" or installed[l.code], direction = "ltr",
      date_format = date_format(state, l.date_format), time_format = "%H:%M:%S", week_start = "1",
      grouping = "[3,0]", decimal_point = l.decimal, thousands_sep = l.thousands,
    }))
  end
end

-- Companies, users, partners -----------------------------------------------------------------------

local function partner_rows(state)
  local c = state.config
  local rows = {
    { name = c.company, is_company = true, email = "info@yourcompany.example", type = "contact" },
    { name = "OdooBot", email = "odoobot@example.com", archived = true },
    { name = "Administrator", email = "admin@example.com" },
    { name = "Public user", archived = true },
    { name = "Default User Template", archived = true },
    { name = c.name, email = c.user },
    { name = "Marc Demo", email = "mark.brown23@example.com" },
  }
  for i = 2, c.companies do
    rows[#rows + 1] = { name = ("%s (%d)"):format(c.company, i), is_company = true }
  end
  return rows
end

-- The firm that partner j stands for, as another clerk typed it, and what it is to us: a customer
-- of the other side, or (where that has vendors, every fourth) a vendor; a firm with two cards there
-- is both. Some are without VAT number, some without mail as well.
local function firm(config, j, at)
  local sells = config.vendors > 0 and j % 4 == 0 and at <= config.vendors
  local both = at <= config.vendors and cards.is_both(at, config.customers)
  local company = both and data.company(config.seed, at) or sells
    and cards.vendor_firm(config.seed, at, config.customers) or data.company(config.seed, at)
  local other = people.respell(company)
  if j % 8 == 5 then other.vat = "" end
  if j % 16 == 13 then other.email = "" end
  return other, both or not sells, both or sells
end

local function text(s) return s ~= "" and s or nil end

local function partners(state)
  local env = Env.new(state, 1, state.config.start_us)
  local codes = ids_by(world.countries(state.version), "code")
  local function add(values, at)
    env.now = at
    local archived = values.archived
    values.archived = nil
    local id = env:create("res.partner", values)
    if archived then env:store_values("res.partner", id, { active = false }) end
  end
  for _, row in ipairs(partner_rows(state)) do add(row, state.config.start_us) end
  local n, at = state.config.partners, 0
  for j = 1, n do
    at = at + 1
    if data.is_repeat(at) then at = at + 1 end -- a card that stands for the firm of another one
    local f, buys, sells = firm(state.config, j, at)
    add({
      name = f.name, is_company = true, street = text(f.street), street2 = text(f.street2),
      zip = text(f.zip), city = text(f.city), country_id = codes[f.country],
      phone = text(f.phone), email = text(f.email), website = text(f.website), vat = text(f.vat),
      customer_rank = buys and 1 or 0, supplier_rank = sells and 1 or 0,
    }, state.config.start_us - (n - j + 1) * 37000123)
  end
end

local function companies(state, t)
  local euro = ids_by(world.currencies(state.version), "code")[state.config.currency]
  for i = 1, state.config.companies do
    t:seed(stamped(state, {
      name = i == 1 and state.config.company or ("%s (%d)"):format(state.config.company, i),
      partner_id = i == 1 and 1 or 6 + i, currency_id = euro, sequence = 10, active = true,
      fiscalyear_last_day = 31,
    }))
  end
end

local function users(state, t)
  local bot, demo = user_ids(state.version)
  local c = state.config
  local all = {}
  for i = 1, c.user_companies do all[i] = i end
  local function add(id, login, partner, secret, active)
    t:seed(stamped(state, {
      id = id, login = login, partner_id = partner, password_ = secret, active = active,
      company_id = 1, company_ids = id == bot and { table.unpack(all) } or { 1 },
      notification_type = "email",
    }))
  end
  add(1, "__system__", 2, nil, nil)
  add(2, "admin", 3, "admin", true)
  add(3, "public", 4, nil, nil)
  add(4, "portaltemplate", 5, nil, nil)
  add(demo, "demo", 7, "demo", true)
  add(bot, c.user, 6, c.password, true)
end

-- Small tables -------------------------------------------------------------------------------------

local TERMS <const> = {
  { "immediate", "Immediate Payment" }, { "15days", "15 Days" }, { "21days", "21 Days" },
  { "30days", "30 Days" }, { "45days", "45 Days" },
  { "end_following_month", "End of Following Month" },
  { "advance", "30% Now, Balance 60 Days" },
}

-- What a person added before the first load, so that NAV's terms have their equals.
local TERMS_ADDED <const> = { "2 Days", "7 Days", "10 Days", "14 Days", "60 Days", "End of Month",
                              "1 Month, 2% 8 Days" }

local function terms(state, t)
  local names = {}
  for i, term in ipairs(TERMS) do names[i] = term[2] end
  table.move(TERMS_ADDED, 1, #TERMS_ADDED, #names + 1, names)
  for _, name in ipairs(names) do
    t:seed(stamped(state, { name = name, active = true, sequence = 10,
      display_on_invoice = true, discount_percentage = 2.0, discount_days = 10 }))
  end
end

local function accounts(state, t)
  local old = state.version < 17
  t:seed(stamped(state, { id = old and 6 or 5, code = "121000", name = "Account Receivable",
    reconcile = true }))
  t:seed(stamped(state, { id = old and 14 or 15, code = "211000", name = "Account Payable",
    reconcile = true }))
end

local TITLES <const> = { "Madam", "Miss", "Mister", "Doctor", "Professor" }

local function titles(state, t)
  for _, name in ipairs(TITLES) do t:seed(stamped(state, { name = name })) end
end

local function uuid(config)
  local draw = people.random(config.seed, 7)
  return (("xxxxxxxx-xxxx-1xxx-8xxx-xxxxxxxxxxxx"):gsub("x", function()
    return ("%x"):format(draw(16))
  end))
end

local function parameters(state, t)
  t:seed(stamped(state, { key = "database.uuid", value = uuid(state.config) }))
  t:seed(stamped(state, { key = "database.create_date", value = "2026-01-05 08:00:00" }))
  t:seed(stamped(state, { key = "web.base.url", value = "http://127.0.0.1:8069" }))
end

local function models(state, t)
  for _, name in ipairs(state.names) do
    local m = state.models[name]
    t:seed(stamped(state, { name = m.description, model = name, order = m.order, state = "base" }))
  end
end

local function fields(state, t)
  for i, name in ipairs(state.names) do
    for _, f in ipairs(state.models[name].list) do
      t:seed(stamped(state, {
        name = f.name, model = name, model_id = i, field_description = f.string, ttype = f.type,
        relation = f.relation, relation_field = f.inverse, required = f.required or nil,
        readonly = f.readonly or nil, store = f.store or nil, size = f.size or 0, state = "base",
        company_dependent = f.company or nil,
      }))
    end
  end
end

-- External ids -------------------------------------------------------------------------------------

local function external_ids(state, t)
  local function add(module, name, model, id)
    t:seed(stamped(state, { module = module, name = name, model = model, res_id = id,
      noupdate = true }))
  end
  for i, name in ipairs { "main_partner", "partner_root", "partner_admin", "public_partner",
    "template_portal_user_id_res_partner" } do
    add("base", name, "res.partner", i)
  end
  add("base", "main_company", "res.company", 1)
  add("base", "user_root", "res.users", 1)
  add("base", "user_admin", "res.users", 2)
  for _, c in ipairs(world.currencies(state.version)) do
    add("base", c.code, "res.currency", c.id)
  end
  for i, c in ipairs(world.countries(state.version)) do add("base", c.xmlid, "res.country", i) end
  for i, s in ipairs(world.states()) do add("base", s.xmlid, "res.country.state", i) end
  for i, l in ipairs(world.languages()) do
    add("base", "lang_" .. (l.code == "en_US" and "en" or l.iso), "res.lang", i)
  end
  for i, term in ipairs(TERMS) do
    add("account", "account_payment_term_" .. term[1], "account.payment.term", i)
  end
end

-- The key that the state was made with; since 18 it may expire.
local function api_keys(state, t)
  local config = state.config
  t:seed(stamped(state, { name = "navodoo", user_id = config.uid, scope = "rpc",
    expiration_date = state.version >= 18 and config.api_key_expires_us or nil }))
end

local FILL <const> = {
  ["res.country"] = countries, ["res.country.state"] = states, ["res.currency"] = currencies,
  ["res.lang"] = languages, ["res.partner"] = partners, ["res.company"] = companies,
  ["res.users"] = users, ["account.payment.term"] = terms, ["account.account"] = accounts,
  ["res.partner.title"] = titles, ["ir.config_parameter"] = parameters, ["ir.model"] = models,
  ["ir.model.fields"] = fields, ["ir.model.data"] = external_ids,
  ["res.users.apikeys"] = api_keys,
  ["uom.category"] = products.unit_kinds, ["uom.uom"] = products.units,
  ["product.category"] = products.categories,
}

--- Fills a new table.
---@param state table
---@param name string
---@param t table
function seed.fill(state, name, t)
  local fill = FILL[name]
  if fill then fill(state, t, stamped) end
  t.dirty = false
end

return seed
