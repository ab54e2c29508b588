--- Items and products of a simulated day: people make, rename, price and block them on both sides.
--
-- Who is whose is told by what stands in both: NAV's number is the reference of a product that NAV
-- had first, and what Odoo had first bears a bar code that nobody else has and nobody changes.

local decimal = require "navodoo.decimal"
local nav = require "sandbox.nav"
local odoo = require "sandbox.odoo"

local goods = {}

local function items(people) return nav.dump(people.sides.nav.state, "Item") end

-- Products, each with what its template says.
local function products(people)
  local state, templates = people.sides.odoo.state, {}
  for _, t in ipairs(odoo.dump(state, "product.template")) do templates[t.id] = t end
  local list = odoo.dump(state, "product.product")
  for _, p in ipairs(list) do
    local t = templates[p.product_tmpl_id]
    p.name, p.list_price = t.name, t.list_price
  end
  return list
end

local function edit(people, side, change)
  change.late_ms = side == "nav" and people:late() or people:late_in_odoo()
  assert(people.control(side, "edit", change))
end

local function price(people) return decimal.new(("%d.%02d"):format(people.random(900), people.random(100))) end

local function make(people, side)
  if side == "nav" then
    return edit(people, side, { table = "Item", key = "SIM" .. people.n, insert = true, fields = {
      Description = people:name(), Base_Unit_of_Measure = "PCS", Unit_Price = price(people),
      Gen_Prod_Posting_Group = "RETAIL", Inventory_Posting_Group = "RESALE" } })
  end
  local version, mark = people.sides.odoo.state.version, "MARK" .. people.n
  local fields = { name = people:name(), barcode = mark, list_price = price(people) }
  if version >= 18 then fields.is_storable = true
  else fields[version == 17 and "detailed_type" or "type"] = "product" end
  people.goods_born[#people.goods_born + 1] = mark
  edit(people, side, { model = "product.product", action = "insert", fields = fields })
end

--- Somebody does something with goods.
---@param people table
---@param turn integer
function goods.work(people, turn)
  people.goods_born = people.goods_born or {}
  people.n = people.n + 1
  local side = turn % 2 == 0 and "odoo" or "nav"
  local list = side == "nav" and items(people) or products(people)
  if people.random(4) == 0 or #list == 0 then return make(people, side) end
  local one, dice = people:pick(list), people.random(3)
  if side == "nav" then
    local fields = ({ [0] = { Description = people:name() }, { Unit_Price = price(people) },
                      { Blocked = not one.Blocked } })[dice]
    return edit(people, side, { table = "Item", key = one.No, fields = fields })
  end
  local fields = ({ [0] = { name = people:name() }, { list_price = price(people) }, { active = not one.active } })[dice]
  edit(people, side, { model = "product.product", key = one.id, fields = fields })
end

local function same_price(people, item, p)
  local digits = people.sides.odoo.state.version < 19 and 2 or 5
  local mine, theirs = decimal.new(item.Unit_Price), decimal.new(tostring(p.list_price))
  return mine:round(digits, "half_up") == theirs:round(5, "half_up")
end

local function compare_one(people, item, p, problem)
  if item.Description ~= p.name then problem("is %q, product %d %q", item.Description, p.id, p.name) end
  if item.Blocked == p.active then
    problem("is blocked: %s, product active: %s", tostring(item.Blocked), tostring(p.active))
  end
  if not same_price(people, item, p) then
    problem("costs %s, product %s", tostring(item.Unit_Price), tostring(p.list_price))
  end
end

--- What is not the same on both sides.
---@param people table
---@param problems string[]  added to
function goods.compare(people, problems)
  local by_mark, found = {}, {}
  for _, p in ipairs(products(people)) do
    for _, mark in ipairs { p.default_code or false, p.barcode or false } do
      if mark then
        found[mark] = found[mark] or {}
        table.insert(found[mark], p)
      end
    end
  end
  for _, item in ipairs(items(people)) do
    local mark = item.GTIN:find "^MARK" and item.GTIN or item.No
    local function problem(text, ...)
      problems[#problems + 1] = ("item %s "):format(item.No) .. text:format(...)
    end
    by_mark[mark] = (by_mark[mark] or 0) + 1
    local mine = found[mark] or {}
    if #mine ~= 1 then problem("is %d times in Odoo", #mine) else compare_one(people, item, mine[1], problem) end
  end
  for _, mark in ipairs(people.goods_born or {}) do
    if by_mark[mark] ~= 1 then
      problems[#problems + 1] = ("product %s, made in Odoo, is %d times in NAV"):format(mark, by_mark[mark] or 0)
    end
  end
end

return goods
