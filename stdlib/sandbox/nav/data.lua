--- The customers that a fresh sandbox NAV holds: deterministic by seed, like a grown card file.
--
-- Most are plain. A few in a hundred are blocked, have no mail address, no VAT number or no street,
-- a credit limit with pence, a number typed without country prefix, a mail address in capitals.
-- One in a hundred is an older firm entered again under another spelling: with the same VAT number,
-- or without one but with the same mail address. A handful has a country code that is no ISO code.

local people = require "sandbox.people"
local places = require "sandbox.nav.places"
local rows = require "sandbox.nav.rows"
local setup = require "sandbox.nav.setup"
local tables = require "sandbox.nav.tables"
local task = require "navodoo.task"
local text = require "navodoo.text"
local time = require "navodoo.time"
local values = require "sandbox.nav.values"

local data = {}

local FIELD <const> = tables.Customer.by_name
local DAY_US <const> = 86400 * 1000000
--- Rows that are made before others have their turn.
local TURN <const> = 500
local STREAM <const> = 1 << 40 -- apart from the streams that people draws from

local EU <const> = {}
for code in ("AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"):gmatch("%a+") do
  EU[code] = true
end

local LANGUAGE <const> = {
  de_DE = "DEU", de_AT = "DEA", de_CH = "DES", fr_FR = "FRA", nl_NL = "NLD", nl_BE = "NLB", pl_PL = "PLK",
  it_IT = "ITA", es_ES = "ESP", en_GB = "ENG", en_US = "ENU", da_DK = "DAN", sv_SE = "SVE", hu_HU = "HUN",
  cs_CZ = "CSY", fi_FI = "FIN", el_GR = "ELL", bg_BG = "BGR", ja_JP = "JPN", nb_NO = "NOR", uk_UA = "UKR",
  sq_AL = "SQI",
}

local TERMS <const> = { "1M(8D)", "14 DAYS", "30 DAYS", "CM", "60 DAYS", "COD", "7 DAYS", "" }
local SALESPERSONS <const> = { "PS", "JR", "OF", "RL", "" }
local LOCATIONS <const> = { "BLUE", "GREEN", "RED", "YELLOW", "WHITE", "" }
local SHIPMENT <const> = { "EXW", "EXW", "CIF", "DDP", "" }

-- Numbers as in CRONUS: five digits for the oldest, then two of the dialling code and six more. The
-- step has no factor in common with ten, so no number comes twice.
local function number_of(i, country)
  if i <= 9 then return tostring(i * 10000) end
  local dial = places.by_code[country].dial
  local head = ((#dial == 1 and "0" or "") .. dial):sub(1, 2)
  if i < 1000000 then return head .. ("%06d"):format(i * 7919 % 1000000) end
  return head .. ("%08d"):format(i * 7919 % 100000000)
end

--- Does customer `i` repeat an older firm?
---@param i integer
---@return boolean
function data.is_repeat(i) return i > 60 and i % 100 == 57 end

-- The firm that entry `i` repeats: the nearest older one that can be recognised.
local function repeated(seed, i)
  for n = i - 41, 1, -1 do
    local first = not data.is_repeat(n) and data.company(seed, n)
    if first and (first.vat ~= "" or first.email ~= "") then return n, first end
  end
end

-- What the clerk left out.
local function left_out(draw, company)
  if draw(100) < 6 then company.email = "" end
  if draw(100) < 12 then company.vat = "" end
  if draw(100) < 2 then company.street, company.street2 = "", "" end
  if draw(100) < 9 then company.phone = "" end
  if draw(100) < 35 then company.website = "" end
  if draw(100) < 25 then company.contact = "" end
  return company
end

-- What he typed his own way.
local function as_typed(draw, company)
  local roll = draw(100)
  if roll < 3 then
    company.email = company.email:upper()
  elseif roll < 8 then
    company.email = company.email:gsub("^%a", string.upper):gsub("@%a", string.upper)
  end
  if (company.country == "GB" or company.country == "DK") and draw(10) == 0 then
    company.vat = company.vat:gsub("^%a%a", "")
  end
  return company
end

--- The firm behind customer `i` as NAV's clerk knows it, repeats included.
---@param seed integer
---@param i integer
---@param plain boolean?   nothing twice, nothing odd: every customer can be had in Odoo
---@return sandbox.Company company
---@return integer? older    the number in the card file of the firm that it repeats
function data.company(seed, i, plain)
  local draw = people.random(seed, STREAM + i)
  if plain then
    local company = people.company(seed, i)
    if company.country == "GR" then company = people.company(seed, i, "DE") end
    return left_out(draw, company)
  end
  if data.is_repeat(i) then
    local older, first = repeated(seed, i)
    local again = people.respell(first)
    local kind = i // 100 % 3 -- 0: both the same, 1: the mail address, 2: the VAT number
    if kind == 1 and again.email ~= "" then again.vat = "" end
    if kind == 2 and again.vat ~= "" then again.email = "" end
    return again, older
  end
  local company = people.company(seed, i, i % 500 == 333 and "XK" or nil)
  return as_typed(draw, left_out(draw, company))
end

local function money(draw, whole, with_cents)
  local amount = tostring(draw(whole) + 1)
  if not with_cents then return amount end
  local cents = 1 + draw(99)
  return (amount .. (".%02d"):format(cents):gsub("0$", ""))
end

local function subtract(amount, draw)
  -- a part of the amount, in whole pounds and two decimals
  local pounds = tonumber(amount:match("^%d+"))
  if pounds < 2 then return "0" end
  return money(draw, pounds - 1, true)
end

local function put(row, name, value) tables.put(row, FIELD[name], value) end

local TRADE <const> = { GB = { bus = "NATIONAL", group = "DOMESTIC" }, EU = { bus = "EU", group = "EU" },
                        OTHER = { bus = "EXPORT", group = "FOREIGN" } }

--- The posting groups of who trades from a country.
---@param country string   NAV's code
---@return { bus: string, group: string }
function data.trade(country) return TRADE[country == "GB" and "GB" or EU[country] and "EU" or "OTHER"] end

local function trade_fields(draw, row, country, company)
  local trade = data.trade(country)
  put(row, "Gen. Bus. Posting Group", trade.bus)
  put(row, "VAT Bus. Posting Group", trade.bus)
  put(row, "Customer Posting Group", trade.group)
  if company.currency ~= "GBP" and draw(100) < 75 then put(row, "Currency Code", company.currency) end
  if draw(100) >= 8 then put(row, "Language Code", LANGUAGE[company.language] or "") end
  put(row, "Payment Terms Code", TERMS[draw(#TERMS) + 1])
  put(row, "Salesperson Code", SALESPERSONS[draw(#SALESPERSONS) + 1])
  put(row, "Location Code", LOCATIONS[draw(#LOCATIONS) + 1])
  put(row, "Shipment Method Code", SHIPMENT[draw(#SHIPMENT) + 1])
  put(row, "Combine Shipments", draw(3) == 0)
  put(row, "Print Statements", draw(2) == 0)
  put(row, "Reminder Terms Code", trade.group == "DOMESTIC" and "DOMESTIC" or "FOREIGN")
  put(row, "Fin. Charge Terms Code", trade.group == "DOMESTIC" and "1.5 DOM." or "2.0 FOR.")
  if draw(100) < 20 then put(row, "Customer Disc. Group", draw(2) == 0 and "RETAIL" or "LARGE ACC") end
  if draw(100) < 5 then put(row, "Prepayment %", "25") end
  if draw(100) < 10 then put(row, "Prices Including VAT", true) end
  if draw(100) < 15 then put(row, "Shipping Advice", "Complete") end
  if draw(100) < 30 then put(row, "Application Method", "Apply to Oldest") end
end

local function money_fields(draw, row)
  local roll = draw(100)
  if roll < 45 then
    local limit = roll < 30 and tostring((1 + draw(100)) * 500) or money(draw, 90000, true)
    put(row, "Credit Limit (LCY)", limit)
  end
  if draw(100) < 60 then
    local sales = money(draw, 400000, true)
    local balance = draw(100) < 70 and subtract(sales, draw) or "0"
    put(row, "Sales (LCY)", sales)
    put(row, "Balance (LCY)", balance)
    if balance ~= "0" and draw(100) < 40 then put(row, "Balance Due (LCY)", subtract(balance, draw)) end
    put(row, "Payments (LCY)", subtract(sales, draw))
  end
end

local function block_fields(draw, row)
  local roll = draw(1000)
  if roll < 15 then
    put(row, "Blocked", "Ship")
  elseif roll < 30 then
    put(row, "Blocked", "Invoice")
  elseif roll < 45 then
    put(row, "Blocked", "All")
  elseif roll < 48 then
    put(row, "Blocked", "All")
    put(row, "Privacy Blocked", true)
  end
end

local function cut(value, field) return text.truncate(value, FIELD[field].length) end

--- The row of customer `i`.
---@param seed integer
---@param i integer
---@param start_us integer   the day the card file is of
---@param plain boolean?
---@return string key
---@return table row
function data.customer(seed, i, start_us, plain)
  local company, older = data.company(seed, i, plain)
  local draw = people.random(seed, STREAM * 2 + i)
  local row = {}
  local country = setup.country(company.country)
  if country == "GB" and i % 100 == 11 and not plain then country = "NI" end
  local key = number_of(i, company.country)
  put(row, "No.", key)
  put(row, "Invoice Disc. Code", key)
  put(row, "Name", cut(company.name, "Name"))
  put(row, "Search Name", cut(values.code(company.name), "Search Name"))
  put(row, "Address", cut(company.street, "Address"))
  put(row, "Address 2", cut(company.street2, "Address 2"))
  put(row, "Post Code", company.zip)
  put(row, "City", cut(company.city, "City"))
  put(row, "Country/Region Code", country)
  put(row, "Contact", cut(company.contact, "Contact"))
  put(row, "Phone No.", cut(company.phone, "Phone No."))
  put(row, "E-Mail", cut(company.email, "E-Mail"))
  put(row, "Home Page", cut(company.website, "Home Page"))
  put(row, "VAT Registration No.", cut(company.vat, "VAT Registration No."))
  trade_fields(draw, row, country, company)
  money_fields(draw, row)
  block_fields(draw, row)
  if older and row["Blocked"] == nil and draw(3) == 0 then put(row, "Blocked", "All") end
  local age = draw(50)
  local day = start_us - (age * age + draw(20)) * DAY_US
  put(row, "Last Date Modified", time.date(day, "UTC"))
  put(row, "Last Modified Date Time", time.iso(day // 1000000 * 1000000))
  return key, row
end

--- Fills the customer table of a new state.
---@param state table
---@param n integer
function data.fill(state, n)
  local list = {}
  for i = 1, n do
    local key, row = data.customer(state.seed, i, state.start_us, state.options.plain)
    list[i] = { key = key, row = row }
    if i % TURN == 0 then task.sleep(0) end -- a large card file takes seconds
  end
  rows.load(state, state.tables.Customer, list)
end

return data
