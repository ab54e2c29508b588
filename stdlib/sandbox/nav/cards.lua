--- Vendors, contacts and ship-to addresses of a fresh sandbox NAV, beside the customers of data.lua.
--
-- Every fifth vendor is the firm of the customer with the same place in the card file: one partner,
-- two cards. Once there are contacts, every card has its company contact, as in CRONUS, and the
-- persons belong to those of customers.

local text = require "navodoo.text"
local time = require "navodoo.time"
local contact = require "sandbox.nav.contact"
local data = require "sandbox.nav.data"
local people = require "sandbox.people"
local record = require "sandbox.nav.record"
local rows = require "sandbox.nav.rows"
local setup = require "sandbox.nav.setup"
local tables = require "sandbox.nav.tables"
local values = require "sandbox.nav.values"

local cards = {}

local STREAM <const> = 1 << 41 -- apart from the streams of data.lua
local VENDORS <const> = 500000 -- firms from here on sell to us
local DAY_US <const> = 86400 * 1000000

--- Is vendor `v` the firm of customer `v`?
---@param v integer
---@param customers integer
---@return boolean
function cards.is_both(v, customers)
  return v % 5 == 0 and v <= customers and not data.is_repeat(v)
end

--- The firm of vendor `v`.
---@param seed integer
---@param v integer
---@param customers integer
---@param plain boolean?
---@return sandbox.Company
function cards.vendor_firm(seed, v, customers, plain)
  if cards.is_both(v, customers) then return (data.company(seed, v, plain)) end
  local firm = people.company(seed, VENDORS + v)
  if firm.country == "GR" and plain then firm = people.company(seed, VENDORS + v, "DE") end
  return firm
end

local function put(def, row, name, value)
  local field = def.by_name[name]
  if field.length then value = text.truncate(value, field.length) end
  tables.put(row, field, value)
end

local function address(def, row, firm)
  put(def, row, "Name", firm.name)
  put(def, row, "Address", firm.street)
  put(def, row, "Address 2", firm.street2)
  put(def, row, "Post Code", firm.zip)
  put(def, row, "City", firm.city)
  put(def, row, "Country/Region Code", setup.country(firm.country))
  put(def, row, "Phone No.", firm.phone)
  put(def, row, "E-Mail", firm.email)
end

local function stamp_days_ago(def, row, state, days)
  record.stamp(def, row, (state.start_us - days * DAY_US) // 1000000 * 1000000)
end

local function vendor(state, v)
  local def, row = tables.Vendor, {}
  local firm = cards.vendor_firm(state.seed, v, state.options.customers, state.options.plain)
  local draw = people.random(state.seed, STREAM + v)
  local country = setup.country(firm.country)
  local kind = data.trade(country)
  local key = ("%05d"):format(10000 + v)
  if v <= 9 then key = tostring(v * 10000) end -- the same numbers as customers, as in CRONUS
  put(def, row, "No.", key)
  put(def, row, "Invoice Disc. Code", key)
  address(def, row, firm)
  put(def, row, "Search Name", values.code(firm.name))
  put(def, row, "Home Page", firm.website)
  put(def, row, "VAT Registration No.", firm.vat)
  put(def, row, "Gen. Bus. Posting Group", kind.bus)
  put(def, row, "VAT Bus. Posting Group", kind.bus)
  put(def, row, "Vendor Posting Group", kind.group)
  if firm.currency ~= "GBP" and draw(100) < 75 then put(def, row, "Currency Code", firm.currency) end
  put(def, row, "Payment Terms Code", draw(2) == 0 and "30 DAYS" or "14 DAYS")
  local roll = draw(100)
  if roll < 2 then put(def, row, "Blocked", "Payment") elseif roll < 4 then put(def, row, "Blocked", "All") end
  stamp_days_ago(def, row, state, draw(400))
  return key, row
end

-- The person of contact `i`: the name on the card, or another of the same country.
local function person(state, i, customer_row, company_no, company)
  local def, row = tables.Contact, {}
  local firm = people.company(state.seed, VENDORS * 2 + i)
  put(def, row, "No.", ("CT2%05d"):format(i))
  put(def, row, "Type", "Person")
  put(def, row, "Company No.", company_no)
  put(def, row, "Company Name", record.get(def, company, "Name"))
  local name = i % 2 == 1 and record.get(tables.Customer, customer_row, "Contact") or ""
  if name == "" then name = firm.contact end
  put(def, row, "Name", name)
  put(def, row, "Search Name", values.code(name))
  local first, last = name:match "^(%S+)%s+(.*)$"
  put(def, row, "First Name", first or name)
  put(def, row, "Surname", last or "")
  for _, same in ipairs { "Address", "Address 2", "Post Code", "City", "Country/Region Code" } do
    put(def, row, same, record.get(def, company, same))
  end
  put(def, row, "Phone No.", firm.phone)
  put(def, row, "E-Mail", firm.email)
  put(def, row, "Lookup Contact No.", row["No."])
  put(def, row, "Salutation Code", "UNISEX")
  stamp_days_ago(def, row, state, i % 300)
  return row["No."], row
end

local function company_contacts(state)
  state.setup.marketing.Customer, state.setup.marketing.Vendor = "CUST", "VEND"
  for _, name in ipairs { "Customer", "Vendor" } do
    for _, key in ipairs(state.tables[name].keys) do
      local row = state.tables[name].by_key[key]
      local at = time.parse_iso(row["Last Date Modified"] .. "T00:00:00Z") or state.start_us
      contact.of_card({ state = state, gui = false, now = at }, tables[name], row)
    end
  end
end

local function persons(state, n)
  local customers, list = state.tables.Customer, {}
  for i = 1, n do
    local key = customers.keys[(i - 1) % #customers.keys + 1]
    local number = state.relations.Customer[key]
    local no, row = person(state, i, customers.by_key[key], number, state.tables.Contact.by_key[number])
    list[i] = { key = no, row = row }
  end
  rows.load(state, state.tables.Contact, list)
end

local NAMES <const> = { "MAIN", "WEST", "EAST", "DEPOT" }

local function addresses(state, n)
  local customers, list, def = state.tables.Customer, {}, tables["Ship-to Address"]
  for i = 1, n do
    local at = (i - 1) % #customers.keys + 1
    local row, firm = {}, people.company(state.seed, VENDORS * 3 + i)
    address(def, row, firm)
    put(def, row, "Customer No.", customers.keys[at])
    put(def, row, "Code", NAMES[(i - 1) // #customers.keys % #NAMES + 1]
      .. (i > #customers.keys * #NAMES and tostring(i) or ""))
    put(def, row, "Name", record.get(tables.Customer, customers.by_key[customers.keys[at]], "Name"))
    if i % 3 ~= 0 then stamp_days_ago(def, row, state, i % 200) end -- a third was never changed: no date
    list[i] = { key = tables.key(def, row), row = row }
  end
  rows.load(state, state.tables[def.name], list)
end

--- Fills the tables besides Customer of a new state.
---@param state table
---@param options { vendors: integer, contacts: integer, addresses: integer }
function cards.fill(state, options)
  local list = {}
  for v = 1, options.vendors do
    local key, row = vendor(state, v)
    list[v] = { key = key, row = row }
  end
  rows.load(state, state.tables.Vendor, list)
  if #state.tables.Customer.keys == 0 then return end
  if options.contacts > 0 then
    company_contacts(state)
    persons(state, options.contacts)
  end
  addresses(state, options.addresses)
end

return cards
