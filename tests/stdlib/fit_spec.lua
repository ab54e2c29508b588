--- A flow on Odoos that have different fields: what is left out, and which form a map takes.

local loader = require "navodoo.loader"

local SOURCE <const> = [[
local navodoo = require "navodoo"
local flow, map, lookup = navodoo.flow, navodoo.map, navodoo.lookup
return flow "item" {
  nav = { read = "ItemCard", write = "ItemCard", key = "No", number = { prefix = "O", digits = 8 },
          watch = { stamp = "Last_Date_Modified", every = "30s" } },
  odoo = { model = "product.product", watch = { every = "30s" } }, link = { xmlid = "item", alike = false },
  fields = {
    { "No", "default_code" },
    { "Type", { "type", "is_storable" }, map.item_type },
    { "Base_Unit_of_Measure", "uom_id", lookup.unit },
    { "Base_Unit_of_Measure", "uom_po_id?", lookup.unit, to = "odoo" },
  },
}
]]
local LOOKUPS <const> = { unit = 'return { model = "uom.uom", match = "name", values = { PCS = "Units" } }' }
local KINDS <const> = { "consu", "service" }
local STOCKED <const> = { "consu", "service", "product" }

local function fields(more)
  local all = { default_code = { type = "char" }, type = { type = "selection", options = KINDS },
                uom_id = { type = "many2one", relation = "uom.uom" } }
  for name, def in pairs(more) do all[name] = def end
  return { fields = all }
end
local UNIT <const> = { type = "many2one", relation = "uom.uom" }
local ODOOS <const> = {
  { "19 with stock", fields { is_storable = { type = "boolean" } }, "default_code is_storable type uom_id",
    { type = "consu", is_storable = true } },
  { "17 with stock", fields { uom_po_id = UNIT, detailed_type = { type = "selection", options = STOCKED },
      type = { type = "selection", options = STOCKED } },
    "default_code detailed_type uom_id uom_po_id", { detailed_type = "product", uom_po_id = 1 } },
  { "14 with stock", fields { uom_po_id = UNIT, type = { type = "selection", options = STOCKED } },
    "default_code type uom_id uom_po_id", { type = "product", uom_po_id = 1 } },
  { "17 without", fields { uom_po_id = UNIT, detailed_type = { type = "selection", options = KINDS } },
    "default_code detailed_type uom_id uom_po_id", { detailed_type = "consu", uom_po_id = 1 } },
  { "19 without", fields {}, "default_code type uom_id", { type = "consu" } },
}

local function compiled(schemas)
  return assert(loader.compile { file = "flows/item.lua", source = SOURCE, lookups = LOOKUPS, schemas = schemas })
end

describe("a flow on Odoo", function()
  local record = { No = "1", Type = "Inventory", Base_Unit_of_Measure = "PCS" }
  local ctx = { creating = true, lookups = { unit = { Units = 1 }, back = { unit = { "Units" } } } }
  for _, odoo in ipairs(ODOOS) do
    it(odoo[1] .. " writes what that has, and reads it back", function()
      -- known from the start, or once the server was asked: the same
      local asked = compiled()
      asked:fit(odoo[2])
      for _, flow in ipairs { compiled { nav = {}, odoo = { ["product.product"] = odoo[2] } }, asked } do
        expect(table.concat(flow.odoo_fields, " ")):equals(odoo[3])
        local values, problems = flow:to_odoo(record, ctx)
        expect(#problems):equals(0)
        local expected = { default_code = "1", uom_id = 1 }
        for name, v in pairs(odoo[4]) do expected[name] = v end
        expect(values):equals(expected)
        values.id = 7
        local back
        back, problems = flow:to_nav(values, ctx)
        expect(#problems):equals(0)
        expect(back.Type .. back.Base_Unit_of_Measure):equals "InventoryPCS"
        expect(#flow:check { odoo = odoo[2] }):equals(0)
      end
    end)
  end
  it("that nobody has asked is the newest", function()
    expect(table.concat(compiled().odoo_fields, " ")):equals "default_code is_storable type uom_id"
  end)
  it("may be asked again, and have more by then", function()
    local flow = compiled()
    flow:fit(ODOOS[5][2])
    flow:fit(ODOOS[2][2])
    expect(table.concat(flow.odoo_fields, " ")):equals(ODOOS[2][3])
  end)
end)
