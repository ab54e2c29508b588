--- Items: what reaches Odoo, and an Odoo that has no products.

local testing = require "testing"

local DESK <const> = { Description = "ATHENS Desk", Base_Unit_of_Measure = "PCS", Item_Category_Code = "DESK",
                       Unit_Price = 1000, Gen_Prod_Posting_Group = "RETAIL", Inventory_Posting_Group = "RESALE" }
local ANNA <const> = { Name = "Anna", Customer_Posting_Group = "EU" }

describe("an item", function()
  it("becomes a product under its number, with its template", function()
    local world <close> = testing.world()
    world:nav("Item", "1896-S", DESK)
    world:run "item"
    local rows = world:loaded "product.product"
    expect(#rows):equals(1)
    expect(rows[1].id .. " " .. rows[1].default_code):equals(
      "navodoo.CRONUS-20International-20Ltd-2e_item_1896-2dS 1896-S")
    expect(rows[1].is_storable .. rows[1].type):equals "Trueconsu"
    expect(world:records("odoo", "product.template")[1].name):equals "ATHENS Desk"
    world:nav("Item", "1896-S", { Unit_Price = 990 })
    world:run "item"
    rows = world:loaded "product.product"
    expect(rows[2]):equals { id = rows[1].id, list_price = "990" }
  end)
  it("finds no products in an Odoo without them, which the other flows do not mind", function()
    local world <close> = testing.world()
    world:nav("Item", "1896-S", DESK)
    world:nav("Customer", "C1", ANNA)
    world:answer { to = "odoo", what = "product%.product fields_get", times = 10, body = [[{"jsonrpc": "2.0", "id": 1,
      "error": {"code": 0, "message": "Odoo Server Error", "data": {"name": "odoo.exceptions.UserError",
      "message": "Object product.product doesn't exist", "arguments": [], "context": {}}}}]] }
    local ok, why = pcall(world.run, world, "item")
    expect(ok):is_false()
    expect(tostring(why)):matches "Object product.product doesn't exist; is the app that has this model installed%?"
    world:run "customer"
    expect(#world:loaded "res.partner"):equals(1)
  end)
end)
