--- Inventory Posting Group of a new item, by category: the account of the stock. A service has none.
return {
  from = "item_category",
  values = { [""] = "RESALE", SERVICE = "", FURNITURE = "FINISHED" },
  default = "RESALE",
}
