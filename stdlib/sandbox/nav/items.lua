--- The items that a fresh sandbox NAV holds: deterministic by seed, like a furniture maker's card file.
--
-- Most are goods for resale with a bar code; some are sold by weight or length, one in twelve is a
-- service. A few in a hundred are blocked, have no bar code, no category, or a price of three digits.

local decimal = require "navodoo.decimal"
local item = require "sandbox.nav.item"
local people = require "sandbox.people"
local record = require "sandbox.nav.record"
local rows = require "sandbox.nav.rows"
local tables = require "sandbox.nav.tables"
local values = require "sandbox.nav.values"

local items = {}

local DEF <const> = tables.Item
local STREAM <const> = 1 << 43 -- apart from the streams of customers and cards
local DAY_US <const> = 86400 * 1000000

local TOWNS <const> = { "ATHENS", "PARIS", "AMSTERDAM", "LONDON", "ROME", "BERLIN", "SEOUL", "MUNICH", "SYDNEY",
                        "MEXICO", "TOKYO", "ANTWERP", "MOSCOW", "OSLO", "VIENNA", "GRAZ", "LINZ", "PRAGUE" }
local COLOURS <const> = { "black", "blue", "green", "oak", "red", "walnut", "white", "yellow" }
-- What is made: name, category, unit, lowest price, inventory posting group
local GOODS <const> = {
  { "Desk", "DESK", "PCS", 400, "RESALE" }, { "Guest Chair", "CHAIR", "PCS", 90, "RESALE" },
  { "Swivel Chair", "CHAIR", "PCS", 120, "RESALE" }, { "Conference Table", "TABLE", "PCS", 300, "FINISHED" },
  { "Side Table", "TABLE", "EA", 80, "RESALE" }, { "Shelf", "FURNITURE", "PCS", 60, "RESALE" },
  { "Lamp", "MISC", "PCS", 30, "RESALE" }, { "Storage Unit", "FURNITURE", "SET", 200, "FINISHED" },
  { "Mounting Kit", "MISC", "SET", 12, "RESALE" }, { "Wood Screws", "MISC", "BOX", 4, "RAW MAT" },
  { "Glue", "MISC", "KG", 6, "RAW MAT" }, { "Edge Band", "MISC", "M", 1, "RAW MAT" },
  { "Paint", "MISC", "L", 9, "RAW MAT" }, { "Whiteboard", "FURNITURE", "PCS", 110, "RESALE" },
}
local SERVICES <const> = { "Assembly", "Delivery", "Planning", "Repair" }
local PRODUCT_GROUP <const> = { ["RAW MAT"] = "RAW MAT" }

-- Thirteen digits, the last of which checks the others.
local function gtin(i)
  local body = ("50%010d"):format(i * 7919 % 10000000000)
  local sum = 0
  for n = 1, 12 do sum = sum + (body:byte(n) - 48) * (n % 2 == 1 and 1 or 3) end
  return body .. (10 - sum % 10) % 10
end

local function put(row, name, value) record.set(DEF, row, name, value) end

local function money(row, draw, lowest)
  local digits = draw(20) == 0 and 3 or 2
  local whole, part = lowest + draw(lowest * 3), draw(digits == 3 and 1000 or 100)
  local price = decimal.new(("%d.%0" .. digits .. "d"):format(whole, part))
  local cost = (price * decimal.new(55 + draw(30))):div(decimal.new(100), 2, "half_up")
  put(row, "Unit Cost", tostring(cost:normalize()))
  put(row, "Last Direct Cost", tostring(cost:normalize()))
  put(row, "Unit Price", tostring(price:normalize()))
  item.trigger["Unit Price"]({}, row, row)
end

local function service(row, draw, i)
  put(row, "Type", "Service")
  put(row, "Description", ("%s, %s"):format(SERVICES[i // 12 % #SERVICES + 1], TOWNS[i % #TOWNS + 1]))
  put(row, "Base Unit of Measure", "HOUR")
  put(row, "Gen. Prod. Posting Group", "SERVICES")
  put(row, "VAT Prod. Posting Group", "VAT10")
  put(row, "Item Category Code", "SERVICE")
  put(row, "Reserve", "Never")
  money(row, draw, 25)
end

local function goods(row, draw, i)
  local made = GOODS[draw(#GOODS) + 1]
  put(row, "Description", ("%s %s, %s"):format(TOWNS[i % #TOWNS + 1], made[1], COLOURS[draw(#COLOURS) + 1]))
  put(row, "Base Unit of Measure", made[3])
  put(row, "Gen. Prod. Posting Group", PRODUCT_GROUP[made[5]] or "RETAIL")
  put(row, "VAT Prod. Posting Group", "VAT25")
  put(row, "Inventory Posting Group", made[5])
  if draw(100) >= 4 then put(row, "Item Category Code", made[2]) end
  if draw(100) >= 10 then put(row, "GTIN", gtin(i)) end
  put(row, "Net Weight", ("%d.%d"):format(draw(40), 1 + draw(9)))
  if draw(100) < 60 then
    local stock = tostring(1 + draw(500))
    put(row, "Inventory", stock)
    put(row, "Net Invoiced Qty.", stock)
  end
  money(row, draw, made[4])
end

--- The row of item `i`.
---@param seed integer
---@param i integer
---@param start_us integer   the day the card file is of
---@return string key
---@return table row
function items.row(seed, i, start_us)
  local draw, row = people.random(seed, STREAM + i), {}
  local key = ("%d-S"):format(1896 + 4 * i)
  if i % 3 == 0 then key = tostring(70000 + i) end
  put(row, "No.", key)
  if i % 12 == 5 then service(row, draw, i) else goods(row, draw, i) end
  local unit = record.get(DEF, row, "Base Unit of Measure")
  put(row, "Sales Unit of Measure", unit)
  put(row, "Purch. Unit of Measure", unit)
  put(row, "Search Description", values.code(record.get(DEF, row, "Description")))
  if draw(100) < 3 then put(row, "Blocked", true) end
  record.stamp(DEF, row, (start_us - draw(400) * DAY_US) // 1000000 * 1000000)
  return key, row
end

--- Fills the tables of items and their units.
---@param state table
---@param n integer
function items.fill(state, n)
  local list = {}
  for i = 1, n do
    local key, row = items.row(state.seed, i, state.start_us)
    list[i] = { key = key, row = row }
  end
  rows.load(state, state.tables.Item, list)
  for _, entry in ipairs(list) do item.add_unit(state, entry.row) end
end

return items
