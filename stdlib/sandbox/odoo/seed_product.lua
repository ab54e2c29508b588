--- Units of measure and product categories of a fresh database, those that Odoo brings, and what a
--- person added before the first load, so that NAV's have their equals.

local seed_product = {}

-- Kind of unit; then name, and how many of the kind's first unit it is.
local UNITS <const> = {
  { "Unit", { "Units", 1 }, { "Dozens", 12 } },
  { "Weight", { "kg", 1 }, { "g", 0.001 }, { "t", 1000 }, { "lb", 0.45359237 }, { "oz", 0.028349523125 } },
  { "Working Time", { "Days", 1 }, { "Hours", 0.125 } },
  { "Length / Distance", { "m", 1 }, { "mm", 0.001 }, { "cm", 0.01 }, { "km", 1000 }, { "in", 0.0254 },
    { "ft", 0.3048 }, { "yd", 0.9144 }, { "mi", 1609.344 } },
  { "Volume", { "L", 1 }, { "m³", 1000 } },
}
local ADDED <const> = { "Box", "Can", "Pack", "Pallet", "Set" }

local CATEGORIES_14 <const> = { { "All" }, { "Saleable", 1 }, { "Expenses", 1 } }
local CATEGORIES_19 <const> = { { "Goods" }, { "Expenses" }, { "Services" } }
local CATEGORIES_ADDED <const> = { "Furniture", "Accessories" }
local BELOW_FURNITURE <const> = { "Chairs", "Desks", "Tables" }

---@param state table
---@param t table
---@param stamped fun(state: table, row: table): table
function seed_product.unit_kinds(state, t, stamped)
  for _, kind in ipairs(UNITS) do t:seed(stamped(state, { name = kind[1] })) end
end

local function unit(state, kind, name, holds)
  if state.version >= 19 then
    return { name = name, active = true, factor = holds + 0.0, relative_factor = holds + 0.0 }
  end
  return { name = name, active = true, category_id = kind, factor = 1 / holds, rounding = 0.01,
           uom_type = holds > 1 and "bigger" or holds < 1 and "smaller" or "reference" }
end

---@param state table
---@param t table
---@param stamped fun(state: table, row: table): table
function seed_product.units(state, t, stamped)
  for kind, list in ipairs(UNITS) do
    for at = 2, #list do t:seed(stamped(state, unit(state, kind, list[at][1], list[at][2]))) end
  end
  for n, name in ipairs(ADDED) do t:seed(stamped(state, unit(state, 1, name, 10 * n))) end
end

---@param state table
---@param t table
---@param stamped fun(state: table, row: table): table
function seed_product.categories(state, t, stamped)
  local names = {}
  local function add(name, parent)
    names[#names + 1] = parent and ("%s / %s"):format(names[parent], name) or name
    t:seed(stamped(state, { name = name, parent_id = parent, complete_name = names[#names] }))
  end
  for _, c in ipairs(state.version >= 19 and CATEGORIES_19 or CATEGORIES_14) do add(c[1], c[2]) end
  if state.version < 19 then add "Services" end
  local furniture = #names + 1
  for _, name in ipairs(CATEGORIES_ADDED) do add(name) end
  for _, name in ipairs(BELOW_FURNITURE) do add(name, furniture) end
end

return seed_product
