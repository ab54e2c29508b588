--- The tables that cards point to, filled as in the CRONUS company, and the company's setup.
--
-- One set of codes per table is all that a table relation asks for; Gen. Business Posting Group,
-- Post Code, the VAT formats and the number series hold what the cards' own triggers read.

local people = require "sandbox.people"

local setup = {}

local CODES <const> = {
  ["Currency"] = "AUD BGN CAD CHF CZK DKK EUR HUF ISK JPY NOK NZD PLN SEK UAH USD ZAR",
  ["Customer Posting Group"] = "DOMESTIC EU FOREIGN",
  ["Vendor Posting Group"] = "DOMESTIC EU FOREIGN",
  ["VAT Business Posting Group"] = "NATIONAL EU EXPORT",
  ["Payment Terms"] = "CM|COD|1M(8D)|2 DAYS|7 DAYS|10 DAYS|14 DAYS|15 DAYS|21 DAYS|30 DAYS|60 DAYS",
  ["Payment Method"] = "ACCOUNT BANK CASH CHECK GIRO INTERCOM",
  ["Salesperson/Purchaser"] = "AH BD DC JO JR LM MD OF PS RL",
  ["Location"] = "BLUE GREEN RED SILVER WHITE YELLOW",
  ["Shipment Method"] = "CFR CIF CIP CPT DAP DDP DELIVERY EXW FAS FCA FOB PICKUP",
  ["Shipping Agent"] = "DHL|FEDEX|UPS|OWN LOG.",
  ["Language"] = "BGR CSY DAN DEA DES DEU ELL ENG ENU ESP FIN FRA FRB FRS HUN ITA JPN NLB NLD NOR"
    .. " PLK SQI SVE UKR",
  ["Customer Discount Group"] = "LARGE ACC|RETAIL",
  ["Customer Price Group"] = "DISTRIB RETAIL",
  ["Reminder Terms"] = "DOMESTIC FOREIGN",
  ["Finance Charge Terms"] = "1.5 DOM.|2.0 FOR.",
  ["Responsibility Center"] = "BIRMINGHAM LONDON",
  ["Service Zone"] = "M N S SE W X",
  ["Territory"] = "EAST EANG FOREIGN LND MID N NE NWAL NW S SCOT SE SW W WALES",
  ["Document Sending Profile"] = "DIRECTFILE EMAIL",
  ["IC Partner"] = "IC1020 IC1030",
  ["Dimension Value"] = "ADM PROD SALES LARGE MEDIUM SMALL",
  ["Base Calendar"] = "ONE",
  ["Shipping Agent Services"] = "",
  ["Customer Bank Account"] = "",
  ["Vendor Bank Account"] = "",
  ["Organizational Level"] = "CEO CFO JUNIOR MANAGER SALES",
  ["Salutation"] = "COMPANY F F-MAR F-UMAR M M-JOB UNISEX",
  ["Tax Area"] = "",
  ["Unit of Measure"] = "BOX CAN DAY EA GR HOUR KG KM L M MILES PACK PALLET PCS SET",
  ["Item Category"] = "CHAIR DESK FURNITURE MISC SERVICE TABLE",
  ["Inventory Posting Group"] = "FINISHED|RAW MAT|RESALE",
  ["VAT Product Posting Group"] = "NO VAT|VAT10|VAT25",
  ["Item Discount Group"] = "A B C FINISHED RAW RESALE",
  ["Item Tracking Code"] = "LOTALL LOTSALES SNALL SNSALES",
  ["Manufacturer"] = "",
  ["Deferral Template"] = "",
  ["Service Item Group"] = "",
  ["Tax Group"] = "",
  ["Warehouse Class"] = "COLD DRY FROZEN HEATED NONSTATIC",
  ["Special Equipment"] = "",
  ["Put-away Template Header"] = "STD VAR",
  ["Phys. Invt. Counting Period"] = "FAST|HIGH|MEDIUM|NORMAL|SLOW",
  ["Routing Header"] = "",
  ["Production BOM Header"] = "",
}

-- Greece is EL and Northern Ireland NI in the CRONUS company: a NAV code is no ISO code.
local COUNTRIES <const> = "AE AT AU BE BG BR CA CH CN CY CZ DE DK DZ EE EL ES FI FJ FR GB HR HU ID IE"
  .. " IN IS IT JP KE LT LU LV MA ME MT MX MY NG NI NL NO NZ PH PL PT RO RS RU SA SE SG SI SK TH TN"
  .. " TR TZ UA UG US XK ZA"

-- Table 381: `#` a digit, `@` a letter, `?` anything. A country without a line takes any number.
local VAT_FORMATS <const> = {
  AT = { "ATU########" },
  BE = { "BE#########", "BE##########", "#########" },
  BG = { "BG##########", "BG#########" },
  CH = { "CHE-###.###.###MWST", "CHE-###.###.### TVA", "CHE-###.###.### IVA", "### ###" },
  CZ = { "CZ########", "CZ#########", "CZ##########" },
  DE = { "DE#########", "#########" },
  DK = { "DK########", "########" },
  EE = { "EE#########", "#########" },
  ES = { "ES########@", "########@", "ES@########", "@########", "ES@#######@", "@#######@" },
  FR = { "FR###########", "###########" },
  GB = { "GB#########", "GB###-####-##", "GB### #### ##", "###-####-##", "### #### ##", "#########" },
  HR = { "HR###########" },
  HU = { "HU########", "########" },
  LT = { "LT#########", "LT############", "#########", "############" },
  LU = { "LU########", "########" },
  LV = { "LV###########", "###########" },
  NL = { "NL#########B##", "#########B##" },
  NO = { "NO ### ### ### MVA", "### ### ### MVA", "NO ### ### ###", "#########" },
  PL = { "PL##########", "##########" },
  RO = { "RO##########" },
  SE = { "SE##########01", "##########01" },
  SI = { "SI########", "########" },
  SK = { "SK#########", "SK##########", "#########", "##########" },
}

local function set_of(list)
  local set = {}
  local pattern = list:find("|", 1, true) and "[^|]+" or "%S+"
  for code in list:gmatch(pattern) do set[code] = true end
  return set
end

--- The NAV code of a country: its ISO code, but EL for Greece.
---@param iso string
---@return string
function setup.country(iso) return iso == "GR" and "EL" or iso end

local function line(starting, ending, increment)
  return { starting = starting, ending = ending, last = "", increment = increment,
           default_nos = true, manual_nos = true, open = true }
end

--- A fresh company: related tables, number series, formats. Plain data, so it can be saved.
---@return table
function setup.new()
  local tables = { ["Country/Region"] = set_of(COUNTRIES) }
  for name, list in pairs(CODES) do tables[name] = set_of(list) end
  tables["No. Series"] = { CONT = true, CUST = true, ITEM = true, VEND = true }
  tables["Gen. Business Posting Group"] = { NATIONAL = true, EU = true, EXPORT = true }
  tables["Gen. Product Posting Group"] = { MISC = true, ["RAW MAT"] = true, RETAIL = true, SERVICES = true }
  tables["Change Log Setup"], tables["Integration Setup"] = {}, {} -- tables that are noted
  return {
    codes = tables,
    country = "GB", -- Company Information
    customer_nos = "CUST", -- Sales & Receivables Setup
    vendor_nos = "VEND", -- Purchases & Payables Setup
    item_nos = "ITEM", -- Inventory Setup
    contact_nos = "CONT", -- Marketing Setup, which also says which cards have contacts: none if ""
    marketing = { Customer = "", Vendor = "", company_salutation = "COMPANY", person_salutation = "UNISEX" },
    series = {
      CUST = line("C00010", "C99990", 10),
      VEND = line("V00010", "V99990", 10),
      ITEM = line("I00010", "I99990", 10),
      CONT = line("CT000001", "CT100000", 1),
    },
    gen_bus = {
      NATIONAL = { vat_bus = "NATIONAL", auto = true },
      EU = { vat_bus = "EU", auto = true },
      EXPORT = { vat_bus = "EXPORT", auto = true },
    },
    gen_prod = {
      MISC = { vat_prod = "VAT25", auto = true },
      ["RAW MAT"] = { vat_prod = "VAT25", auto = true },
      RETAIL = { vat_prod = "VAT25", auto = true },
      SERVICES = { vat_prod = "VAT10", auto = true },
    },
  }
end

--- The formats that table 381 lists for a country, nil when it lists none.
---@param country string
---@return string[]?
function setup.vat_formats(country) return VAT_FORMATS[country] end

-- Post Code ----------------------------------------------------------------------------------------

local by_zip, by_city

local function load_post_codes()
  by_zip, by_city = {}, {}
  for _, place in ipairs(people.post_codes()) do
    local row = { code = place.zip:upper(), city = place.city, country = setup.country(place.country) }
    local zip, city = row.code, place.city:lower()
    by_zip[zip] = by_zip[zip] or {}
    by_city[city] = by_city[city] or {}
    table.insert(by_zip[zip], row)
    table.insert(by_city[city], row)
  end
  for _, index in ipairs { by_zip, by_city } do
    for _, rows in pairs(index) do
      table.sort(rows, function(a, b)
        if a.code ~= b.code then return a.code < b.code end
        return a.city < b.city
      end)
    end
  end
end

local function choose(rows, country)
  if not rows then return nil end
  if country ~= "" then
    for _, row in ipairs(rows) do
      if row.country == country then return row end
    end
  end
  return rows[1]
end

--- The line that a post code names: the first of the given country, else the first there is.
---@param zip string
---@param country string   "" for none
---@return { code: string, city: string, country: string }?
function setup.post_code(zip, country)
  if not by_zip then load_post_codes() end
  return choose(by_zip[zip], country)
end

--- The same by town.
---@param city string
---@param country string
---@return { code: string, city: string, country: string }?
function setup.city(city, country)
  if not by_zip then load_post_codes() end
  return choose(by_city[city:lower()], country)
end

--- Does a post code belong to a country? Only then does the country fill the town.
---@param zip string
---@param country string
---@return { code: string, city: string, country: string }?
function setup.post_code_in(zip, country)
  local row = setup.post_code(zip, country)
  return row and row.country == country and row or nil
end

return setup
