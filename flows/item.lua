--- Items, both ways. NAV keeps cost and posting groups, both sides name, price, unit and bar code.
--
-- A product is one item: the variants of a template share name, price and unit, which items do not,
-- so a product with variants is not brought into NAV. Stock is not copied: NAV sums it up from
-- ledger entries, and `check` refuses such a field here. What is written on a template alone reaches
-- its product's stamp, but no webhook of the product, so Odoo is polled.
local navodoo = require "navodoo"
local flow, map, lookup, rule = navodoo.flow, navodoo.map, navodoo.lookup, navodoo.rule

local function is_active(blocked) return not blocked end
local function is_blocked(active) return not active end

-- The description is what NAV would search by, too.
local function sole(name, count)
  if not count or count < 2 then return name end
  return nil, ("its template has %d variants, and an item has none: make a product of each"):format(count)
end

return flow "item" {
  nav  = { read = "ItemCard", write = "ItemCard", key = "No",
           number = { prefix = "O", digits = 8 }, block = { Blocked = true },
           watch = { stamp = "Last_Date_Modified", every = "30s", scan = "02:20" } },
  odoo = { model = "product.product", archived = true,
           watch = { every = "30s", sweep = "03:40" } },
  -- many goods are called nearly the same: numbers tell, names do not
  link = { xmlid = "item", unsure = "review", alike = false,
           adopt = { { "No", "default_code" }, { "GTIN", "barcode" } } },

  fields = {
    -- a product that Odoo had first keeps its own reference
    { "No", "default_code", on_create = true },
    { "Description", "name", required = true, max = { nav2018 = 50, bc = 100 } },
    { "Search_Description", { "name", "product_variant_count" }, to = "nav", on_create = true, put = sole },
    { "Type", { "type", "is_storable" }, map.item_type },
    { "Base_Unit_of_Measure", "uom_id", lookup.uom },
    -- up to Odoo 18 a product has a unit to buy in, of the same kind
    { "Base_Unit_of_Measure", "uom_po_id?", lookup.uom, to = "odoo" },
    -- a category that the other side lacks is no reason to hold an item back
    { "Item_Category_Code", "categ_id", lookup.item_category { missing = "leave", blank = "leave" } },
    { "Unit_Price", "list_price", map.money },
    { "Unit_Cost", "standard_price", map.money, to = "odoo" },
    { "GTIN", "barcode", map.trim },
    { "Blocked", "active", get = is_active, put = is_blocked },
  },
  create = { nav = { Gen_Prod_Posting_Group = lookup.prod_group { "categ_id" },
                     Inventory_Posting_Group = lookup.inventory_group { "categ_id" } } },

  rules = {
    rule "an item is counted in a unit" { "Base_Unit_of_Measure", required = true },
    rule "an item posts to a product group" { "Gen_Prod_Posting_Group", required = true },
    rule "goods have an inventory group, services none" { "Inventory_Posting_Group", "Type",
      check = function(group, kind)
        if kind == "Inventory" then return group ~= "", "Inventory_Posting_Group is empty" end
        return group == "", ("%s is kept out of stock, so Inventory_Posting_Group stays empty"):format(kind)
      end },
    rule "prices are without VAT" { "Price_Includes_VAT",
      check = function(with_vat) return not with_vat, "Unit_Price includes VAT, the price of a product does not" end },
  },
  conflict = "review",
  gone = { from_nav = "archive", from_odoo = "block" },
}
