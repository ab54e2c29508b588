--- The sandboxes' items and products: what NAV's Item table does when it is written, and products,
-- templates, units and categories of every Odoo version in the words of real servers.

local crypto = require "navodoo.crypto"
local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local nav = require "sandbox.nav"
local odoo = require "sandbox.odoo"

local COMPANY <const> = "/DynamicsNAV110/ODataV4/Company('CRONUS%20International%20Ltd.')"
local AUTH <const> = "Basic " .. crypto.base64("navodoo:sandbox")
local START <const> = 1768435200 * 1000000 + 5 * 86400 * 1000000 -- 2026-01-20
local clock = { now = function() return START end }

local state

local function call(method, path, body)
  local response = nav.handle({ method = method, path = COMPANY .. "/" .. path:gsub(" ", "%%20"), body = body,
    headers = { authorization = AUTH, host = "nav.example:7048", ["if-match"] = "*" } }, state, clock)
  return json.decode(response.body)
end
local function message(answer) return answer.error and answer.error.message end
local function item(fields) return call("POST", "ItemCard", json.encode(fields)) end
local function change(key, fields) return call("PATCH", ("ItemCard('%s')"):format(key), json.encode(fields)) end
local function units(key)
  local list = {}
  for _, unit in ipairs(nav.dump(state, "Item Unit of Measure")) do
    if unit.Item_No == key then list[#list + 1] = unit.Code end
  end
  return table.concat(list, " ")
end

describe("sandbox.nav items", function()
  state = nav.new { customers = 0, items = 200, seed = 1 }

  it("are the same for the same seed, each with its unit", function()
    local same = nav.new { customers = 0, items = 200, seed = 1 }
    expect(json.encode(nav.dump(same, "Item"))):equals(json.encode(nav.dump(state, "Item")))
    local kinds, blocked, coded = {}, 0, {}
    for _, record in ipairs(nav.dump(state, "Item")) do
      kinds[record.Type] = (kinds[record.Type] or 0) + 1
      if record.Blocked then blocked = blocked + 1 end
      expect(units(record.No)):equals(record.Base_Unit_of_Measure)
      expect(record.Type == "Inventory"):equals(record.Inventory_Posting_Group ~= "")
      expect(coded[record.GTIN]):equals(nil)
      if record.GTIN ~= "" then coded[record.GTIN] = true end
    end
    expect(kinds.Inventory + kinds.Service):equals(200)
    expect(kinds.Service > 5 and blocked > 0):is_true()
  end)

  it("take numbers, stamps, units, groups and the profit as table 27 does", function()
    local made = item { Description = "Sample", Base_Unit_of_Measure = "pcs", Unit_Price = 20, Unit_Cost = 15,
                        Gen_Prod_Posting_Group = "RETAIL" }
    expect(made.No):equals "I00010"
    expect(made.Search_Description .. made.Sales_Unit_of_Measure .. made.VAT_Prod_Posting_Group):equals "SAMPLEPCSVAT25"
    expect(made.Last_Date_Modified):equals "2026-01-20"
    expect(tostring(made.Profit_Percent)):equals "25"
    expect(units "I00010"):equals "PCS"
    made = change("I00010", { Base_Unit_of_Measure = "BOX", Sales_Unit_of_Measure = "PCS" })
    expect(made.Purch_Unit_of_Measure .. made.Sales_Unit_of_Measure):equals "BOXPCS"
    expect(units "I00010"):equals "BOX PCS"
    expect(tostring(change("I00010", { Price_Profit_Calculation = "Price=Cost+Profit", Profit_Percent = 40 })
      .Unit_Price)):equals "25"
  end)

  it("refuse in NAV's words", function()
    expect(message(item { Base_Unit_of_Measure = "NONE" })):equals(
      "The Unit of Measure does not exist. Identification fields and values: Code='NONE'")
    expect(message(call("POST", "ItemCard", '{"No":"S1","Type":"Service","Inventory_Posting_Group":"RESALE"}'))):equals(
      "Type must be equal to 'Inventory'  in Item: No.=S1. Current value is 'Service'.")
    expect(message(item { Inventory = 5 })):equals "Control 'Inventory' is read-only"
    expect(message(item { Unit_Price = decimal.new "-1" })):matches "must be greater than or equal to 0"
    expect(message(change("I00010", { Sales_Unit_of_Measure = "KG" }))):matches "cannot be found in the related table"
    local moved
    for _, record in ipairs(nav.dump(state, "Item")) do
      if not decimal.new(record.Inventory):is_zero() then moved = record break end
    end
    expect(message(change(moved.No, { Base_Unit_of_Measure = "KM" }))):matches "one or more ledger entries"
    expect(message(change(moved.No, { Type = "Service" }))):matches "at least one Item Ledger Entry"
    expect(message(call("DELETE", ("ItemCard('%s')"):format(moved.No)) or {})):matches "has ledger entries"
  end)

  it("go with their units, are counted, saved and reset", function()
    call("DELETE", "ItemCard('I00010')")
    expect(units "I00010"):equals ""
    expect(nav.stats(state).tables.Item.records):equals(200)
    local again = nav.restore(json.decode(json.encode(nav.save(state)), { max_depth = 64 }))
    expect(json.encode(nav.dump(again, "Item"))):equals(json.encode(nav.dump(state, "Item")))
    nav.reset(state, { items = 3 })
    expect(nav.stats(state).tables.Item.records):equals(3)
  end)
end)

-- An Odoo, asked as an integrator asks it.
local function server(version)
  local s = { state = odoo.new { version = version }, now = START }
  function s.try(model, method, ...)
    s.now = s.now + 1234567
    local r = odoo.handle({ method = "POST", path = "/jsonrpc", headers = { ["content-type"] = "application/json" },
      body = json.encode { jsonrpc = "2.0", id = 1, params = { service = "object", method = "execute_kw",
        args = json.array { "sandbox", s.state.config.uid, "sandbox", model, method, json.array { ... } } } } },
      s.state, { now = function() return s.now end })
    local answer = json.decode(r.body)
    return answer.result, answer.error and answer.error.data.message
  end
  function s.read(id, ...) return s.try("product.product", "read", json.array { id }, json.array { ... })[1] end
  return s
end

for _, version in ipairs { 14, 17, 18, 19 } do
  describe(("sandbox.odoo products, version %d"):format(version), function()
    local s = server(version)
    local kind = ({ [14] = "type", [17] = "detailed_type" })[version]
    local vals = { name = "Cap Widget", default_code = "CAPW", list_price = decimal.new "12.345",
                   standard_price = decimal.new "7.1234", barcode = "BC1" }
    vals[kind or "type"] = kind and "product" or "consu"
    vals.is_storable = not kind or nil
    local id = s.try("product.product", "create", vals)

    it("keep what real servers kept", function()
      local seen = s.read(id, "name", "list_price", "lst_price", "standard_price", "type", "uom_id", "categ_id",
        "product_tmpl_id", "product_variant_count", "barcode")
      local cut = version < 19
      expect(tostring(seen.list_price)):equals(cut and "12.35" or "12.345")
      expect(tostring(seen.lst_price)):equals(cut and "12.35" or "12.345")
      expect(tostring(seen.standard_price)):equals(cut and "7.12" or "7.1234")
      expect(seen.type):equals(kind and "product" or "consu")
      expect(seen.uom_id[2]):equals "Units"
      expect(seen.categ_id and seen.categ_id[2]):equals(cut and "All")
      expect(seen.product_variant_count):equals(1)
      expect(s.read(id, "display_name").display_name):equals "[CAPW] Cap Widget"
    end)

    it("refuse a second bar code and a product without a name", function()
      local _, why = s.try("product.product", "create", { name = "bc", barcode = "BC1" })
      expect(why):equals(version < 17 and "product_product_barcode_uniq"
        or "Barcode(s) already assigned:\n\n- Barcode \"BC1\" already assigned to product(s): [CAPW] Cap Widget"
          .. (version < 19 and ", " or " and ") .. "bc\n\nNote: products that you don't have access to will not be"
          .. " shown above.")
      _, why = s.try("product.template", "create", { list_price = 1 })
      expect(why):matches(version < 17 and "Model: Product Template %(product.template%), Field: Name %(name%)"
        or version < 19 and "Model: Product %(product.template%)\nField: Name %(name%)"
        or "Missing required value for the field 'Name' %(name%)%.\nModel: 'Product' %(product.template%)")
    end)

    it("hold with their variants what a template shares", function()
      local template = s.read(id, "product_tmpl_id").product_tmpl_id[1]
      local second = s.try("product.product", "create", { product_tmpl_id = template, default_code = "CAPX" })
      expect(s.read(id, "product_variant_count").product_variant_count):equals(2)
      local before = s.read(second, "write_date").write_date
      s.try("product.product", "write", json.array { id }, { name = "Cap", list_price = 5 })
      local seen = s.read(second, "name", "list_price", "write_date")
      expect(seen.name .. tostring(seen.list_price)):equals "Cap5.0"
      expect(seen.write_date > before):is_true()
      s.try("product.template", "write", json.array { template }, { active = false })
      expect(s.read(id, "active").active or s.read(second, "active").active):is_false()
      s.try("product.template", "write", json.array { template }, { active = true })
      expect(s.read(id, "active").active):is_true()
      local whole = s.try("product.template", "create", { name = "Whole" })
      expect(#s.try("product.template", "read", json.array { whole }, json.array { "product_variant_ids" })[1]
        .product_variant_ids):equals(1)
    end)

    it("are named by load, and so are their templates", function()
      s.try("product.product", "load", json.array { "id", "name" }, json.array { json.array { "navodoo.x1", "Named" } })
      local rows, seen = s.try("ir.model.data", "search_read", json.array { json.array { "module", "=", "navodoo" } },
        json.array { "name", "model" }), {}
      for _, row in ipairs(rows) do seen[row.name] = row.model end
      expect(seen):equals { x1 = "product.product", x1_product_template = "product.template" }
    end)

    it("track stock of goods only, and know units and categories", function()
      local service = s.try("product.product", "create", { name = "Hour", type = not kind and "service" or nil,
        [kind or "sequence"] = kind and "service" or 1, is_storable = not kind or nil })
      local seen = s.read(service, "type", not kind and "is_storable" or "name")
      expect(seen.type):equals "service"
      expect(seen.is_storable or false):is_false()
      local names = {}
      for _, unit in ipairs(s.try("uom.uom", "search_read", json.array {}, json.array { "name" })) do
        names[unit.name] = true
      end
      expect(names.Units and names.Hours and names.kg and names.Box):is_true()
      local made = s.try("product.category", "create", { name = "Lamps", parent_id = 1 })
      s.try("product.category", "write", json.array { 1 }, { name = "Everything" })
      expect(s.try("product.category", "read", json.array { made }, json.array { "complete_name", "product_count" })[1]
        .complete_name):equals "Everything / Lamps"
    end)
  end)
end
