--- Item categories: the code in NAV and the full name of the same category in Odoo. These are the
--- codes of CRONUS International.
return {
  model = "product.category", match = "complete_name",
  values = {
    FURNITURE = "Furniture", CHAIR = "Furniture / Chairs", DESK = "Furniture / Desks",
    TABLE = "Furniture / Tables", MISC = "Accessories", SERVICE = "Services",
  },
  -- what Odoo gives to a product of no particular category is none in NAV
  back = { All = "", ["All / Saleable"] = "", ["All / Expenses"] = "", Goods = "", Expenses = "" },
}
