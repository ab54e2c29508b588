--- Products, their templates, categories and units of measure, field by field, as far as they are
--- used, with the Inventory app installed. One row per field, as in model_partner.lua.

local product = require "sandbox.odoo.product"

local PRICE <const> = { 16, 2 }
local KIND_14 <const> = { { "consu", "Consumable" }, { "service", "Service" }, { "product", "Storable Product" } }
local KIND_18 <const> = { { "consu", "Goods" }, { "service", "Service" }, { "combo", "Combo" } }
local UNIT_KIND <const> = {
  { "bigger", "Bigger than the reference Unit of Measure" },
  { "reference", "Reference Unit of Measure for this category" },
  { "smaller", "Smaller than the reference Unit of Measure" },
}

-- What all variants of a template share: rows of the template, and of the variant through it.
local SHARED <const> = {
  { "name", "char", "Name", required = true, translate = true },
  { "sequence", "integer", "Sequence", default = 1 },
  { "description", "text", "Description", to = 14, translate = true },
  { "description", "html", "Description", from = 17, translate = true },
  { "description_purchase", "text", "Purchase Description", translate = true },
  { "description_sale", "text", "Sales Description", translate = true },
  { "type", "selection", "Product Type", to = 14, required = true, selection = KIND_14, default = "consu" },
  { "type", "selection", "Type", from = 17, to = 17, selection = KIND_14 },
  { "type", "selection", "Product Type", from = 18, required = true, selection = KIND_18, default = "consu" },
  { "detailed_type", "selection", "Product Type", from = 17, to = 17, required = true, selection = KIND_14,
    default = "consu" },
  { "is_storable", "boolean", "Track Inventory", from = 18 },
  { "categ_id", "many2one", "Product Category", to = 18, required = true, relation = "product.category",
    default = product.first_category },
  { "categ_id", "many2one", "Product Category", from = 19, relation = "product.category" },
  { "list_price", "float", "Sales Price", to = 18, digits = PRICE, default = 1.0 },
  { "list_price", "float", "Sales Price", from = 19, default = 1.0 },
  { "sale_ok", "boolean", "Can be Sold", to = 17, default = true },
  { "sale_ok", "boolean", "Sales", from = 18, default = true },
  { "purchase_ok", "boolean", "Can be Purchased", to = 17, default = true },
  { "purchase_ok", "boolean", "Purchase", from = 18, default = true },
  { "uom_id", "many2one", "Unit of Measure", to = 18, required = true, relation = "uom.uom", default = 1 },
  { "uom_id", "many2one", "Unit", from = 19, required = true, relation = "uom.uom", default = 1 },
  { "uom_po_id", "many2one", "Purchase Unit of Measure", to = 18, required = true, relation = "uom.uom",
    default = 1 },
  { "company_id", "many2one", "Company", relation = "res.company" },
}

-- `own`, and the shared rows as they are or through the template.
local function fields(own, through)
  local list = table.move(own, 1, #own, 1, {})
  for _, row in ipairs(SHARED) do
    local copy = {}
    for key, value in pairs(row) do copy[key] = value end
    copy.through = through
    list[#list + 1] = copy
  end
  return list
end

return {
  {
    model = "uom.category", description = "Product UoM Categories", to = 18, order = "id", index = { "name" },
    fields = {
      { "name", "char", "Unit of Measure Category", required = true, translate = true },
    },
  },
  {
    model = "uom.uom", description = "Product Unit of Measure", order = { [14] = "name", [19] = "sequence, id" },
    index = { "name" },
    fields = {
      { "name", "char", "Unit of Measure", to = 18, required = true, translate = true },
      { "name", "char", "Unit Name", from = 19, required = true, translate = true },
      { "active", "boolean", "Active", default = true },
      { "category_id", "many2one", "Category", to = 18, required = true, relation = "uom.category" },
      { "factor", "float", "Ratio", to = 18, required = true, default = 1.0 },
      { "factor", "float", "Absolute Quantity", from = 19, readonly = true, default = 1.0 },
      { "factor_inv", "float", "Bigger Ratio", to = 18, required = true, readonly = true,
        get = product.factor_inv },
      { "uom_type", "selection", "Type", to = 18, required = true, selection = UNIT_KIND,
        default = "reference" },
      { "rounding", "float", "Rounding Precision", to = 18, required = true, default = 0.01 },
      { "rounding", "float", "Rounding Precision", from = 19, readonly = true, get = product.unit_rounding },
      { "relative_factor", "float", "Contains", from = 19, required = true, default = 1.0 },
      { "relative_uom_id", "many2one", "Reference Unit", from = 19, relation = "uom.uom" },
      { "sequence", "integer", "Sequence", from = 19 },
    },
  },
  {
    model = "product.category", description = "Product Category", order = "complete_name",
    rec_name = "complete_name", index = { "name", "complete_name", "parent_id" }, behaviour = product.category,
    fields = {
      { "name", "char", "Name", required = true },
      { "complete_name", "char", "Complete Name", readonly = true },
      { "parent_id", "many2one", "Parent Category", relation = "product.category" },
      { "child_id", "one2many", "Child Categories", relation = "product.category", inverse = "parent_id" },
      { "product_count", "integer", "# Products", readonly = true, get = product.in_category },
    },
  },
  {
    model = "product.template", order = "name", index = { "name" },
    description = { [14] = "Product Template", [17] = "Product" }, behaviour = product.template,
    restrict = { "categ_id", "uom_id", "uom_po_id" },
    fields = fields {
      { "active", "boolean", "Active", default = true },
      { "product_variant_ids", "one2many", "Products", required = true, relation = "product.product",
        inverse = "product_tmpl_id" },
      { "product_variant_count", "integer", "# Product Variants", readonly = true, get = product.count },
    },
  },
  {
    model = "product.product", order = "default_code, id", description = "Product Variant",
    index = { "default_code", "barcode", "product_tmpl_id" }, behaviour = product.variant,
    fields = fields({
      { "product_tmpl_id", "many2one", "Product Template", required = true, relation = "product.template" },
      { "default_code", "char", "Internal Reference" },
      { "barcode", "char", "Barcode" },
      { "active", "boolean", "Active", default = true },
      { "standard_price", "float", "Cost", to = 18, digits = PRICE, company = true, fallback = 0.0 },
      { "standard_price", "float", "Cost", from = 19, company = true, fallback = 0.0 },
      { "lst_price", "float", "Sales Price", readonly = true, get = product.list_price },
      { "volume", "float", "Volume", digits = PRICE },
      { "weight", "float", "Weight", digits = PRICE },
      { "product_variant_count", "integer", "# Product Variants", readonly = true, get = product.count },
      { "qty_available", "float", "Quantity On Hand", readonly = true, digits = PRICE, get = product.no_stock },
    }, "product_tmpl_id"),
  },
}
